"""Base URL, key and secret: what is refused before anything is sent, and what is never shown."""

from __future__ import annotations

import dataclasses

import pytest

from requests_app.stream.credentials import Credentials, Timeouts, check_base_url, is_loopback
from requests_app.stream.errors import ConfigurationError
from tests.canary import API_KEY, SECRET


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://chat.stream-io-api.com", "https://chat.stream-io-api.com"),
        ("  https://chat.stream-io-api.com/ ", "https://chat.stream-io-api.com"),
        ("https://proxy.example.org:8443/stream/", "https://proxy.example.org:8443/stream"),
        ("http://127.0.0.1:8001", "http://127.0.0.1:8001"),
        ("http://localhost:8001/", "http://localhost:8001"),
        ("http://[::1]:8001", "http://[::1]:8001"),
        ("HTTPS://chat.example.org", "HTTPS://chat.example.org"),
    ],
)
def test_it_takes_https_and_plain_http_to_this_machine(given: str, kept: str) -> None:
    assert check_base_url(given) == kept


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("http://chat.example.org", "Plain http"),
        ("http://127.0.0.1.example.org", "Plain http"),
        ("http://10.0.0.1", "Plain http"),
        ("http://0.0.0.0:8001", "Plain http"),
        ("ftp://chat.example.org", "must begin with https"),
        ("chat.example.org", "must begin with https"),
        ("https://", "must begin with https"),
        ("https://:443", "must begin with https"),
        ("https://chat.example.org:0", "must begin with https"),
        ("file:///etc/passwd", "must begin with https"),
        ("", "must begin with https"),
        ("https://a:b@chat.example.org", "must not hold a name"),
        ("https://a@chat.example.org", "must not hold a name"),
        ("https://chat.example.org?api_key=x", "must not hold a name"),
        ("https://chat.example.org#x", "must not hold a name"),
        ("https://chat.example.org:port", "not a URL"),
        ("https://chat.example.org:99999", "not a URL"),
        ("https://[::1", "not a URL"),
    ],
)
def test_it_refuses_the_rest_with_a_sentence(given: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        check_base_url(given)
    assert "example.org" not in str(caught.value)


@pytest.mark.parametrize(
    "given", ["https://a..b", "https://*.example.org", "https://exa mple.org", f"https://{'a' * 64}.org"]
)
def test_it_refuses_a_host_that_cannot_be_one(given: str) -> None:
    with pytest.raises(ConfigurationError):
        check_base_url(given)


@pytest.mark.parametrize(
    ("url", "key", "secret"), [("", "k", "s"), ("https://a.example", "", "s"), ("https://a.example", "k", "")]
)
def test_it_wants_all_three(url: str, key: str, secret: str) -> None:
    with pytest.raises(ConfigurationError):
        Credentials(url, key, secret)


def test_it_cleans_the_base_url_and_hides_key_and_secret() -> None:
    credentials = Credentials("https://chat.example.org/", API_KEY, SECRET)

    assert credentials.base_url == "https://chat.example.org"
    assert repr(credentials) == "Credentials(base_url='https://chat.example.org')"
    with pytest.raises(dataclasses.FrozenInstanceError):
        credentials.api_key = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("host", "own"),
    [("localhost", True), ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("10.0.0.1", False), ("a.b", False)],
)
def test_it_knows_this_machine(host: str, own: bool) -> None:
    assert is_loopback(host) is own


def test_no_call_may_go_on_for_ever() -> None:
    timeouts = Timeouts()

    assert 0 < timeouts.connect < timeouts.read < timeouts.total <= 60
