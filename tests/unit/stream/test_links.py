"""Export links: little believed, never given a key, and streamed."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from requests_app.stream import links
from requests_app.stream.credentials import Timeouts
from requests_app.stream.errors import NotFound, Rejected, StreamError, Unavailable, UnknownOutcome
from requests_app.stream.links import ExportStream, check_link, open_link
from tests.canary import API_KEY, SECRET
from tests.unit.stream.scripted import Ending, Reply, Scripted, scripted, told

BASE = "https://chat.example.org"
LINK = "https://files.example.org/exports/users/1.json?signature=abc"
TIMEOUTS = Timeouts(2, 2, 5)
Resolve = Callable[..., None]


@contextmanager
def opened(reply: Reply, timeouts: Timeouts = TIMEOUTS) -> Iterator[tuple[Scripted, ExportStream]]:
    """A server with that file, and the file opened from its own base URL."""
    with scripted(reply) as server:
        link = f"{server.base_url}/exports/users/1?signature=abc"
        with open_link(link, base_url=server.base_url, timeouts=timeouts) as export:
            yield server, export


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Let every host name stand for these addresses."""

    def use(*addresses: str) -> None:
        def look_up(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
            return [(0, 0, 0, "", (address, port)) for address in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    return use


def test_it_follows_https_to_public_addresses(resolve: Resolve) -> None:
    resolve("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c")

    check_link(LINK, base_url=BASE)
    check_link("https://files.example.org:443/x", base_url=BASE)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "::1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "255.255.255.255",
        "224.0.0.251",
        "ff02::1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::1",
        "2001:0:7f00:1::1",
        "192.0.2.1",
        "198.18.0.1",
        "2001:db8::1",
        "no address",
    ],
)
def test_it_refuses_addresses_that_are_not_public(resolve: Resolve, address: str) -> None:
    resolve("93.184.215.14", address)

    with pytest.raises(Rejected) as caught:
        check_link(LINK, base_url=BASE)
    assert "files.example.org" not in told(caught.value)


@pytest.mark.parametrize(
    "link",
    [
        "http://files.example.org/x",
        "http://chat.example.org/x",
        "https://files.example.org:8443/x",
        "https://chat.example.org:8443/x",
        "ftp://files.example.org/x",
        "file:///etc/passwd",
        "https://a:b@files.example.org/x",
        "https://chat.example.org@evil.example/x",
        "https:///x",
        "//files.example.org/x",
        "",
        "x",
        "https://[::1/x",
        "https://files.example.org:99999/x",
    ],
)
def test_it_refuses_other_schemes_ports_and_names(resolve: Resolve, link: str) -> None:
    resolve("93.184.215.14")

    with pytest.raises(Rejected):
        check_link(link, base_url=BASE)


def test_it_refuses_numbers_that_mean_this_machine() -> None:
    for link in ("https://127.0.0.1/x", "https://[::1]/x", "https://2130706433/x", "https://localhost/x"):
        with pytest.raises(Rejected):
            check_link(link, base_url=BASE)


def test_the_base_urls_own_place_is_allowed_and_no_other_of_its_ports() -> None:
    check_link("http://127.0.0.1:8001/exports/users/1", base_url="http://127.0.0.1:8001")
    for link in (
        "http://127.0.0.1:8002/x",
        "https://127.0.0.1:8001/x",
        "http://127.0.0.1/x",
        "http://localhost:8001/x",
    ):
        with pytest.raises(Rejected):
            check_link(link, base_url="http://127.0.0.1:8001")


def test_a_name_that_leads_elsewhere_once_it_is_checked_gets_not_a_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look-up and the connection a name can be pointed at this machine."""
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.settimeout(TIMEOUTS.read)
        port = inside.getsockname()[1]
        monkeypatch.setattr(links, "_addresses", lambda host: {"93.184.215.14"})
        connect = socket.socket.connect
        monkeypatch.setattr(socket.socket, "connect", lambda sock, _: connect(sock, ("127.0.0.1", port)))
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda host, *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 443))]
        )
        with (
            pytest.raises(StreamError),
            open_link("https://files.example.org/x", base_url=BASE, timeouts=Timeouts(1, 1, 2)),
        ):
            pass
        received = inside.accept()[0]
        with received:
            assert received.recv(4096) == b""


def test_a_host_that_cannot_be_found_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: Any, **__: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known: files.example.org")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(Unavailable) as caught:
        check_link(LINK, base_url=BASE)
    assert "files.example.org" not in told(caught.value)


@pytest.mark.parametrize("host", ["a..example", "a" * 64 + ".example"])
def test_a_host_that_cannot_be_one_is_refused(host: str) -> None:
    with pytest.raises(StreamError):
        check_link(f"https://{host}/x", base_url=BASE)


def test_it_streams_the_file_and_sends_neither_key_nor_token() -> None:
    content = b"0123456789" * 20_000
    with opened(Reply(200, content)) as (server, export):
        pieces = list(export.iter_chunks())

    assert export.size == len(content)
    assert b"".join(pieces) == content
    assert len(pieces) > 1
    [seen] = server.seen
    assert (seen.method, seen.target, seen.body) == ("GET", "/exports/users/1?signature=abc", b"")
    assert not {"authorization", "stream-auth-type", "cookie"} & set(seen.headers)
    assert API_KEY not in repr(seen)
    assert SECRET not in repr(seen)


@pytest.mark.parametrize("extra", [(("Content-Encoding", "identity"),), (("Content-Length", "soon"),)])
def test_the_size_is_told_only_where_it_is_sure(extra: tuple[tuple[str, str], ...]) -> None:
    with opened(Reply(200, b"x", extra, "drip_untold")) as (_, export):
        assert export.size is None


def test_the_client_opens_links_of_its_own_base_url() -> None:
    with scripted(Reply(200, b"{}")) as server, server.client().open_export(f"{server.base_url}/x") as export:
        assert b"".join(export.iter_chunks()) == b"{}"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, NotFound), (410, NotFound), (403, Rejected), (500, Rejected), (302, Rejected), (204, Rejected)],
)
def test_it_opens_nothing_but_a_200_and_follows_no_redirect(status: int, kind: type[StreamError]) -> None:
    with scripted() as elsewhere, scripted(Reply(status, b"", (("Location", elsewhere.base_url),))) as server:
        link = f"{server.base_url}/x?signature=abc"
        with pytest.raises(kind) as caught, open_link(link, base_url=server.base_url, timeouts=TIMEOUTS):
            pytest.fail("It must not open.")

    assert type(caught.value) is kind
    assert "signature" not in told(caught.value)
    assert (len(server.seen), elsewhere.seen) == (1, [])


@pytest.mark.parametrize("ending", ["reset", "closed"])
def test_a_server_that_hangs_up_is_unavailable(ending: Ending) -> None:
    with pytest.raises(Unavailable) as caught, opened(Reply(ending=ending)):
        pytest.fail("It must not open.")

    assert "signature" not in told(caught.value)


def test_a_file_that_breaks_off_is_told() -> None:
    broken = opened(Reply(200, b"x" * 200_000, ending="cut"))
    with broken as (_, export), pytest.raises(UnknownOutcome, match="broke off") as caught:
        list(export.iter_chunks())

    assert "signature" not in told(caught.value)


def test_a_file_that_is_too_large_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "MAX_BYTES", 1000)
    with opened(Reply(200, b"x" * 2000)) as (_, export), pytest.raises(UnknownOutcome, match="larger or slower"):
        list(export.iter_chunks())


def test_a_file_that_is_too_slow_is_given_up() -> None:
    with opened(Reply(200, b"x" * 2000)) as (_, export), pytest.raises(UnknownOutcome, match="larger or slower"):
        list(replace(export, deadline=time.monotonic() - 1).iter_chunks())


def test_a_silent_server_is_given_up_within_the_read_time_out() -> None:
    with pytest.raises(Unavailable), opened(Reply(ending="silent"), Timeouts(1, 0.2, 0.3)):
        pytest.fail("It must not open.")
