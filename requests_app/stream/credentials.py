"""Where calls go and with which key, checked before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from requests_app.stream.addresses import can_be_host, is_loopback
from requests_app.stream.errors import ConfigurationError


def check_base_url(base_url: str) -> str:
    """The base URL without a trailing slash; raises `ConfigurationError` with a sentence where it is unfit.

    Plain http is for this machine alone: elsewhere the token would travel readable.
    """
    try:
        parts = urlsplit(base_url.strip())
        port = parts.port
    except ValueError:
        raise ConfigurationError("The base URL is not a URL. Write it like https://chat.stream-io-api.com") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ConfigurationError("The base URL must begin with https:// and name a host.")
    if not can_be_host(parts.hostname):
        raise ConfigurationError("The base URL names no host that can exist. Check it letter by letter.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError("The base URL must not hold a name, a password or a query.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ConfigurationError("Plain http is allowed to this machine only. Use https:// for the base URL.")
    return base_url.strip().rstrip("/")


@dataclass(frozen=True)
class Credentials:
    """Base URL, API key and secret of one app. The representation shows none of them."""

    base_url: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.base_url:
            raise ConfigurationError("No base URL is set for this Stream app.")
        object.__setattr__(self, "base_url", check_base_url(self.base_url))
        if not self.api_key or not self.api_secret:
            raise ConfigurationError("The API key or the secret of this Stream app is missing.")


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, between two pieces of an answer, and for the whole call."""

    connect: float = 3.05
    read: float = 10.0
    total: float = 30.0
