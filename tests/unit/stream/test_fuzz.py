"""Whatever an answer holds, the client gives its typed result or one of the typed errors, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from requests_app.stream import wire
from requests_app.stream.client import StreamClient
from requests_app.stream.credentials import Credentials
from requests_app.stream.errors import ConfigurationError, StreamError, Unavailable
from requests_app.stream.limits import RateLimit
from requests_app.stream.transport import Answer
from tests.canary import API_KEY, SECRET, USER_ID

Call = Callable[[StreamClient], object]
NANOSECONDS = 1_778_198_400_000_000_000
GOOD: dict[str, Any] = {
    "duration": "1ms",
    "task_id": "b7c1f2d0",
    "status": "completed",
    "created_at": NANOSECONDS,
    "updated_at": "2026-05-08T00:00:00.123456789Z",
    "result": {"u_1": {"status": "ok"}, "u_2": {"status": "error"}, "url": "https://files.example.org/x"},
    "error": {"type": "quota", "description": "too much", "stacktrace": "…"},
    "app": {"id": 7, "name": "App", "organization": "Org"},
    "users": [{"id": "u_1", "name": "One", "created_at": NANOSECONDS, "deleted_at": None, "custom": {"a": [1]}}],
    "feeds": [{"id": "u_1", "fid": "user:u_1"}],
    "activities": [{"id": "a"}],
    "comments": [{}],
    "bookmarks": [],
    "bookmark_folders": [],
    "collections": [],
    "follows": [{"source_fid": "user:u_1"}],
    "channels": [{"channel": {"cid": "messaging:a"}}],
    "calls": [{}],
    "next": "",
    "server_side": {"DeleteUsers": {"limit": 6, "remaining": 5, "reset": 1_778_198_400}},
    "code": 4,
    "message": f"user {USER_ID} is odd",
    "StatusCode": 400,
    "details": [],
}
CALLS: list[tuple[Call, type | tuple[type, ...]]] = [
    (lambda c: c.export_feeds_data(USER_ID), wire.Accepted),
    (lambda c: c.delete_feeds_data(USER_ID, hard=True), wire.Accepted),
    (lambda c: c.delete_users([USER_ID], {"user": "soft"}), wire.Accepted),
    (lambda c: c.export_users([USER_ID]), wire.Accepted),
    (lambda c: c.restore_users([USER_ID]), type(None)),
    (lambda c: c.get_task("b7c1f2d0"), wire.TaskReport),
    (lambda c: c.get_app(), wire.AppInfo),
    (lambda c: c.query_users([USER_ID]), tuple),
    (lambda c: c.search_users("u_"), tuple),
    (lambda c: c.count_feeds(USER_ID), wire.Count),
    (lambda c: c.count_activities(USER_ID), wire.Count),
    (lambda c: c.count_comments(USER_ID), wire.Count),
    (lambda c: c.count_bookmarks(USER_ID), wire.Count),
    (lambda c: c.count_bookmark_folders(USER_ID), wire.Count),
    (lambda c: c.count_collections(USER_ID), wire.Count),
    (lambda c: c.count_follows(USER_ID), wire.Count),
    (lambda c: c.count_channels(USER_ID), wire.Count),
    (lambda c: c.count_calls(USER_ID), wire.Count),
    (lambda c: c.get_rate_limits(), dict),
    (lambda c: c.get_feeds_rate_limits(), dict),
]
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**40), max_value=10**40)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["completed", "failed", "waiting", "0001-01-01T00:00:00Z", "9" * 30, "\ud800", "x" * 9000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
STATUSES = st.sampled_from([200, 201, 201, 201, 202, 204, 301, 400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 599])
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        name: st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=12)
        | st.sampled_from(["17", "6, 6", "9" * 400, "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "Fri, 99 Foo", "1e9"])
        for name in ("Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    },
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A good answer with some of it replaced, taken away, nested elsewhere or cut, or no JSON at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(
            st.binary(max_size=60) | st.sampled_from([b"", b"null", b"[]", b"<html>", b"[" * 5000, b'{"a":NaN}'])
        )
    body: dict[str, Any] = dict(GOOD)
    for name in draw(st.lists(st.sampled_from(sorted(GOOD)), max_size=6)):
        match draw(st.integers(0, 2)):
            case 0:
                body.pop(name, None)
            case 1:
                body[name] = draw(ANYTHING)
            case _:
                inner = body.get(name)
                if isinstance(inner, dict) and inner:
                    body[name] = {**inner, draw(st.sampled_from(sorted(inner))): draw(ANYTHING)}
                elif isinstance(inner, list):
                    body[name] = [*inner, draw(ANYTHING)]
    text = json.dumps(body).encode()
    return text[: draw(st.integers(0, len(text)))] if draw(st.integers(0, 9)) == 0 else text


def sound(result: object) -> bool:
    """Nothing inside a result is of another type than it says."""
    if isinstance(result, wire.TaskReport):
        words = (result.user_results or {}).values()
        return isinstance(result.state, wire.TaskState) and all(isinstance(word, str) for word in words)
    if isinstance(result, wire.Count):
        return result.number >= 0
    if isinstance(result, tuple):
        return all(isinstance(user, wire.RemoteUser) and user.id for user in result)
    if isinstance(result, dict):
        return all(isinstance(limit, RateLimit) and limit.remaining >= 0 for limit in result.values())
    return True


@pytest.mark.parametrize(("call", "kind"), CALLS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(status=STATUSES, headers=HEADERS, body=bodies())
def test_nothing_but_typed_results_and_errors_comes_out(
    call: Call,
    kind: type | tuple[type, ...],
    status: int,
    headers: dict[str, str],
    body: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = StreamClient(Credentials("https://stream.example.org", API_KEY, SECRET), on_limit=lambda *_: None)
    answer = Answer(status, CaseInsensitiveDict(headers), body)
    monkeypatch.setattr(client.transport, "exchange", lambda *_, **__: answer)

    outcome: object
    try:
        outcome = call(client)
    except StreamError as error:
        outcome = error

    if isinstance(outcome, StreamError):
        assert not isinstance(outcome, ConfigurationError | Unavailable)
        said = f"{outcome}{outcome.__cause__}{outcome.__context__}"
        assert not any(word in said for word in (SECRET, API_KEY, USER_ID))
    else:
        assert status in {200, 201}
        assert isinstance(outcome, kind)
        assert sound(outcome)
