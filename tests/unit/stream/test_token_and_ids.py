"""The token of each call, and ids on their way into a path."""

from __future__ import annotations

from urllib.parse import unquote

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests_app.stream.ids import MAX_LENGTH, path_segment
from requests_app.stream.token import LIFETIME, server_token
from tests.canary import SECRET

NOW = 1_795_000_000.9


def read(token: str) -> dict[str, object]:
    """The claims of a token, without a look at the clock."""
    found: dict[str, object] = jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_exp": False})
    return found


def test_it_is_signed_with_the_secret_by_hs256() -> None:
    token = server_token(SECRET, now=NOW)

    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, SECRET[::-1], algorithms=["HS256"], options={"verify_exp": False})
    assert SECRET not in token


def test_it_names_no_user_and_is_worthless_soon() -> None:
    assert read(server_token(SECRET, now=NOW)) == {"server": True, "exp": int(NOW) + LIFETIME}
    assert 60 <= LIFETIME <= 600


@pytest.mark.parametrize(
    ("identifier", "segment"),
    [
        ("alice", "alice"),
        ("a b/..@x.y+é", "a%20b%2F..%40x.y%2B%C3%A9"),
        ("a%2Fb", "a%252Fb"),
        ("?api_key=x#y", "%3Fapi_key%3Dx%23y"),
        ("a\nb\\c", "a%0Ab%5Cc"),
        ("...", "..."),
        ("%2e%2e", "%252e%252e"),
        (" ", "%20"),
        ("x" * MAX_LENGTH, "x" * MAX_LENGTH),
    ],
)
def test_it_encodes_whatever_is_not_plain(identifier: str, segment: str) -> None:
    assert path_segment(identifier) == segment


@pytest.mark.parametrize("identifier", ["", ".", "..", "x" * (MAX_LENGTH + 1)])
def test_it_refuses_ids_that_would_change_the_path_and_does_not_repeat_them(identifier: str) -> None:
    with pytest.raises(ValueError, match=r"^This cannot be an id on Stream\.$"):
        path_segment(identifier)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=MAX_LENGTH))
def test_any_other_id_stays_one_segment_and_comes_back(identifier: str) -> None:
    if identifier in {".", ".."}:
        return
    segment = path_segment(identifier)
    assert unquote(segment) == identifier
    assert not set(segment) & set("/?#\\ ")
    assert segment.isascii()
