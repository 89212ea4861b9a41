"""One exchange: bounded in time and size, never repeated where it changes something, and discreet when it fails."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from requests_app.stream import transport
from requests_app.stream.client import StreamClient
from requests_app.stream.credentials import Credentials, Timeouts
from requests_app.stream.errors import StreamError, Unavailable, UnknownOutcome
from tests.canary import API_KEY, SECRET, USER_ID
from tests.unit.stream.scripted import Ending, Reply, Scripted, scripted, told

BRISK = Timeouts(connect=1, read=1, total=0.3)


def delete(client: StreamClient) -> object:
    return client.delete_users([USER_ID], {"user": "soft"})


def failure(client: StreamClient, call: Callable[[StreamClient], object] = delete) -> StreamError:
    """The error that a call ends in."""
    with pytest.raises(StreamError) as caught:
        call(client)
    return caught.value


def refused_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def assert_discreet(words: str, server: Scripted | None = None) -> None:
    """No key, secret, token, user id or address in what is said."""
    forbidden = [SECRET, API_KEY, USER_ID, "http://", "127.0.0.1:"]
    forbidden += [seen.headers["authorization"] for seen in server.seen] if server else []
    assert [word for word in forbidden if word in words] == []


def test_every_call_carries_the_same_headers_and_a_token_of_its_own() -> None:
    with scripted(Reply(200, {"app": {"id": 1}})) as server:
        client = server.client()
        client.get_app()
        client.get_app()

    for seen in server.seen:
        assert seen.target == f"/api/v2/app?api_key={API_KEY}"
        assert seen.headers["stream-auth-type"] == "jwt"
        assert seen.headers["accept"] == "application/json"
        assert seen.headers["accept-encoding"] == "gzip"
        assert seen.headers["x-stream-client"] == "stream-data-requests"
        token = seen.headers["authorization"]
        assert " " not in token
        claims = jwt.decode(token, SECRET, algorithms=["HS256"])
        assert claims["server"] is True
        assert 0 < claims["exp"] - time.time() <= 300
    ids = {uuid.UUID(seen.headers["x-client-request-id"]) for seen in server.seen}
    assert len(ids) == 2


def test_a_path_in_front_of_the_api_is_kept() -> None:
    with scripted(Reply(200, {"app": {"id": 1}})) as server:
        StreamClient(Credentials(f"{server.base_url}/proxy/", API_KEY, SECRET)).get_app()

    assert server.seen[0].path == "/proxy/api/v2/app"


def test_it_takes_no_proxy_and_no_password_from_its_surroundings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{refused_port()}")
    with scripted() as server:
        delete(server.client())

    assert not server.seen[0].headers["authorization"].startswith("Basic")


def test_it_reads_a_compressed_answer() -> None:
    reply = Reply(201, gzip.compress(b'{"task_id":"packed"}'), (("Content-Encoding", "gzip"),))
    with scripted(reply) as server:
        assert server.client().export_users(["a"]).task_id == "packed"


def test_a_refused_connection_was_provably_not_sent() -> None:
    error = failure(StreamClient(Credentials(f"http://127.0.0.1:{refused_port()}", API_KEY, SECRET)))

    assert type(error) is Unavailable
    assert error.operation == "DeleteUsers"
    assert_discreet(told(error))


def test_a_host_without_an_address_was_provably_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    error = failure(StreamClient(Credentials("https://chat.example.org", API_KEY, SECRET)))

    assert type(error) is Unavailable
    assert "example.org" not in told(error)


@pytest.mark.parametrize("ending", ["reset", "closed", "cut"])
def test_after_sending_nothing_is_known_and_nothing_is_sent_again(ending: Ending) -> None:
    with scripted(Reply(ending=ending)) as server:
        error = failure(server.client())

    assert type(error) is UnknownOutcome
    assert len(server.seen) == 1
    assert_discreet(told(error), server)


@pytest.mark.parametrize("ending", ["reset", "closed", "cut"])
def test_a_read_that_broke_at_once_is_sent_again_once(ending: Ending) -> None:
    with scripted(Reply(ending=ending), Reply(200, {"app": {"id": 1}})) as server:
        assert server.client().get_app().id == "1"
    with scripted(Reply(ending=ending)) as other:
        assert type(failure(other.client(), StreamClient.get_app)) is UnknownOutcome

    assert (len(server.seen), len(other.seen)) == (2, 2)


def test_a_change_goes_over_a_connection_of_its_own() -> None:
    with scripted(Reply(200, {"app": {"id": 1}}), Reply()) as server:
        client = server.client()
        client.get_app()
        delete(client)
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    "body",
    [b"{" + b" " * transport.MAX_ANSWER + b"}", gzip.compress(b" " * (transport.MAX_ANSWER + 1))],
    ids=["plain", "packed"],
)
def test_an_answer_that_is_too_long_is_not_read(body: bytes) -> None:
    headers = (("Content-Encoding", "gzip"),) if body[:1] != b"{" else ()
    with scripted(Reply(201, body, headers)) as server:
        error = failure(server.client())

    assert type(error) is UnknownOutcome
    assert "too long" in str(error)
    assert error.status == 201


def test_an_answer_that_is_packed_wrongly_is_no_answer() -> None:
    with scripted(Reply(201, b'{"task_id":"x"}', (("Content-Encoding", "gzip"),))) as server:
        assert type(failure(server.client())) is UnknownOutcome


def test_a_silent_server_is_given_up() -> None:
    with scripted(Reply(ending="silent")) as server:
        error = failure(server.client(Timeouts(1, 0.2, 0.3)))

    assert type(error) is UnknownOutcome
    assert_discreet(told(error), server)


@pytest.mark.parametrize(
    "ending",
    [
        "drip_chunked",
        "drip",
        "drip_untold",
        "drip_head",
    ],
)
def test_a_dripping_server_meets_the_total_time_out(ending: Ending) -> None:
    with scripted(Reply(201, b'{"task_id":"t"}' + b" " * 1500, ending=ending)) as server:
        error = failure(server.client(BRISK))
        assert not server.dripped_out.is_set()

    assert type(error) is UnknownOutcome


@pytest.mark.parametrize("ending", ["refused", "silent"])
def test_not_even_the_hidden_context_of_an_error_tells_anything(ending: str) -> None:
    if ending == "refused":
        error = failure(StreamClient(Credentials(f"http://127.0.0.1:{refused_port()}", API_KEY, SECRET)))
    else:
        with scripted(Reply(ending="silent")) as server:
            error = failure(server.client(Timeouts(1, 0.1, 0.3)))
    assert error.__context__ is None


@pytest.fixture
def broken_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[bytes]]]:
    """A server that shakes hands, reads the request and then talks nonsense: its base URL, and what it read."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(datetime.now(UTC) - timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = builder.not_valid_after(datetime.now(UTC) + timedelta(days=1)).add_extension(names, critical=False)
    certificate, secret_key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret_key.write_bytes(key.private_bytes(*form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, secret_key)
    read: list[bytes] = []

    def serve(listening: socket.socket) -> None:
        raw, _ = listening.accept()
        secure = context.wrap_socket(raw, server_side=True)
        while not b"".join(read).endswith(b"}"):
            read.append(secure.recv(65536))
        with socket.socket(fileno=secure.detach()) as plain:
            plain.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")

    def trusting() -> requests.Session:
        session = make_session()
        session.verify = str(certificate)
        return session

    make_session = transport.make_session
    monkeypatch.setattr(transport, "make_session", trusting)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=[listening], daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}", read
        thread.join(5)


def test_tls_that_breaks_after_sending_leaves_the_outcome_unknown(broken_tls: tuple[str, list[bytes]]) -> None:
    base_url, read = broken_tls

    error = failure(StreamClient(Credentials(base_url, API_KEY, SECRET)))

    assert b'{"user_ids":["canary-quillfeather-7"],"user":"soft"}' in b"".join(read)
    assert type(error) is UnknownOutcome
