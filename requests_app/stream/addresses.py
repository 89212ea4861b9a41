"""Which hosts and addresses the portal calls."""

from __future__ import annotations

import ipaddress
import re

_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
# Addresses in which others are wrapped up: what they lead to is not what they look like.
_WRAPPED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2002::/16"), ipaddress.ip_network("2001::/32"))


def is_loopback(host: str) -> bool:
    """Whether the host is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def can_be_host(host: str) -> bool:
    """Whether the name is one that can be looked up at all: labels of 1 to 63 letters, digits and hyphens."""
    try:
        name = host.encode("idna").decode()
    except UnicodeError:
        return False
    return ":" in host or all(_LABEL.fullmatch(label) for label in name.removesuffix(".").split("."))


def is_public(address: str) -> bool:
    """Whether the address is one machine of the public internet: not private, not multicast, nothing wrapped up."""
    try:
        found = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return is_public(str(found.ipv4_mapped))
        if any(found in network for network in _WRAPPED):
            return False
    return found.is_global and not found.is_multicast
