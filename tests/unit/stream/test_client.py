"""The client: the shape of every request, and what each answer means."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate
from time import time
from typing import Any

import pytest

from requests_app.enums import Operation
from requests_app.stream.client import StreamClient
from requests_app.stream.credentials import Credentials
from requests_app.stream.errors import KeyRefused, NotFound, RateLimited, Rejected, StreamError, UnknownOutcome
from requests_app.stream.limits import RateLimit
from requests_app.stream.operations import CALLS
from requests_app.stream.wire import Accepted, AppInfo, Count, RemoteUser, TaskState
from tests.canary import API_KEY, SECRET, USER_ID
from tests.unit.stream.scripted import Reply, scripted, told

Call = Callable[[StreamClient], Any]
ODD = "a b/..@x.y+é"
IN_PATH = "a%20b%2F..%40x.y%2B%C3%A9"
FULL: dict[str, str | bool] = {
    "user": "hard",
    "messages": "hard",
    "conversations": "hard",
    "calls": "hard",
    "files": True,
    "new_channel_owner_id": "carol",
    "new_call_owner_id": "dave",
}
LISTS = "feeds activities comments bookmarks bookmark_folders collections calls channels users".split()  # noqa: SIM905
ANYTHING = {"task_id": "t-1", "status": "pending", "app": {"id": 1}, **{name: [] for name in LISTS}}
PRIVATE = '"include_private_activities":true,"include_expired_activities":true,'
MEMBERS = '{"filter_conditions":{"members":{"$in":["alice"]}},'

SHAPES: list[tuple[Call, str, str, str]] = [
    (lambda c: c.export_feeds_data(ODD), "POST", f"/feeds/users/{IN_PATH}/export", ""),
    (lambda c: c.delete_feeds_data(ODD, hard=True), "POST", f"/feeds/users/{IN_PATH}/delete", '{"hard_delete":true}'),
    (lambda c: c.delete_feeds_data("a", hard=False), "POST", "/feeds/users/a/delete", '{"hard_delete":false}'),
    (lambda c: c.delete_users(["alice"], {}), "POST", "/users/delete", '{"user_ids":["alice"]}'),
    (
        lambda c: c.delete_users(["alice", "é o/"], FULL),
        "POST",
        "/users/delete",
        '{"user_ids":["alice","é o/"],"user":"hard","messages":"hard","conversations":"hard","calls":"hard",'
        '"files":true,"new_channel_owner_id":"carol","new_call_owner_id":"dave"}',
    ),
    (lambda c: c.restore_users(["alice"]), "POST", "/users/restore", '{"user_ids":["alice"]}'),
    (lambda c: c.export_users(["a", "b"]), "POST", "/export/users", '{"user_ids":["a","b"]}'),
    (lambda c: c.get_task("t:1"), "GET", "/tasks/t%3A1", ""),
    (lambda c: c.get_app(), "GET", "/app", ""),
    (lambda c: c.count_feeds("a"), "POST", "/feeds/feeds/query", '{"filter":{"created_by_id":"a"},"limit":100}'),
    (
        lambda c: c.count_activities("a"),
        "POST",
        "/feeds/activities/query",
        '{"filter":{"user_id":"a"},' + PRIVATE + '"limit":100}',
    ),
    (
        lambda c: c.count_activities("a", include_soft_deleted=True),
        "POST",
        "/feeds/activities/query",
        '{"filter":{"user_id":"a"},' + PRIVATE + '"include_soft_deleted_activities":true,"limit":100}',
    ),
    *(
        (call, "POST", f"/feeds/{name}/query", '{"filter":{"user_id":"é"},"limit":100}')
        for name, call in {
            "comments": lambda c: c.count_comments("é"),
            "bookmarks": lambda c: c.count_bookmarks("é"),
            "bookmark_folders": lambda c: c.count_bookmark_folders("é"),
            "collections": lambda c: c.count_collections("é"),
        }.items()
    ),
    (lambda c: c.count_calls("alice"), "POST", "/video/calls", MEMBERS + '"limit":100}'),
    (lambda c: c.count_channels("alice"), "POST", "/chat/channels", MEMBERS + '"state":false,"limit":100,"offset":0}'),
]


@pytest.mark.parametrize(("call", "method", "path", "body"), SHAPES)
def test_it_sends_each_call_byte_for_byte(call: Call, method: str, path: str, body: str) -> None:
    with scripted(Reply(200, ANYTHING)) as server:
        call(server.client())

    [seen] = server.seen
    assert (seen.method, seen.target) == (method, f"/api/v2{path}?api_key={API_KEY}")
    assert seen.body == body.encode()
    assert seen.headers.get("content-type") == ("application/json" if body else None)
    assert seen.headers.get("content-length", "0") == str(len(body.encode()))
    assert "transfer-encoding" not in seen.headers
    assert seen.headers["stream-auth-type"] == "jwt"


@pytest.mark.parametrize(
    ("call", "conditions", "limit"),
    [
        (lambda c: c.query_users(["alice", "a&b=é"]), '{"id":{"$in":["alice","a&b=é"]}}', 2),
        (lambda c: c.search_users("al"), '{"id":{"$autocomplete":"al"}}', 10),
    ],
)
def test_it_asks_for_users_in_one_payload_and_wants_the_deactivated_ones(
    call: Call, conditions: str, limit: int
) -> None:
    with scripted(Reply(200, {"users": [{"id": "alice", "name": "Alice", "unknown": 1}]})) as server:
        assert call(server.client()) == (RemoteUser("alice", "Alice"),)

    [seen] = server.seen
    payload = f'{{"filter_conditions":{conditions},"limit":{limit},"include_deactivated_users":true}}'
    assert (seen.method, seen.path, seen.body) == ("GET", "/api/v2/users", b"")
    assert seen.query == {"api_key": API_KEY, "payload": payload}


@pytest.mark.parametrize("name", ["mark_messages_deleted", "user_ids", "", "User"])
def test_it_refuses_a_field_that_delete_users_does_not_know(name: str) -> None:
    with scripted() as server, pytest.raises(ValueError, match="knows no field"):
        server.client().delete_users(["alice"], {name: "hard"})
    assert server.seen == []
    assert set(FULL) == CALLS[Operation.DELETE_USERS].fields


@pytest.mark.parametrize(
    "ids", [[], [""], ["."], [".."], ["x" * 256], ["a", "a"], ["a", ""], [str(n) for n in range(101)]]
)
@pytest.mark.parametrize("name", ["delete_users", "restore_users", "export_users", "query_users"])
def test_it_sends_nothing_for_ids_that_cannot_be(name: str, ids: list[str]) -> None:
    with scripted() as server, pytest.raises(ValueError, match="id"):
        getattr(server.client(), name)(ids, *([{}] if name == "delete_users" else []))
    assert server.seen == []


@pytest.mark.parametrize("bad", ["", ".", "..", "x" * 256])
def test_it_sends_nothing_for_a_path_that_would_change(bad: str) -> None:
    calls: list[Call] = [
        lambda c: c.export_feeds_data(bad),
        lambda c: c.delete_feeds_data(bad, hard=True),
        lambda c: c.get_task(bad),
    ]
    with scripted() as server:
        for call in calls:
            with pytest.raises(ValueError, match="cannot be an id"):
                call(server.client())
    assert server.seen == []


def test_batches_end_at_a_hundred_and_exports_at_twenty_five() -> None:
    with scripted() as server:
        server.client().delete_users([str(number) for number in range(100)], {})
        server.client().export_users([str(number) for number in range(25)])
        with pytest.raises(ValueError, match="1 to 25"):
            server.client().export_users([str(number) for number in range(26)])
    assert [len(json.loads(seen.body)["user_ids"]) for seen in server.seen] == [100, 25]


@pytest.mark.parametrize("status", [200, 201])
def test_it_takes_either_success_and_passes_over_unknown_fields(status: int) -> None:
    body = {**ANYTHING, "status": "completed", "result": {"a": {"status": "ok", "x": 1}}, "brand_new": [{"y": None}]}
    with scripted(Reply(status, body)) as server:
        client = server.client()
        assert client.export_users(["a"]) == Accepted("t-1")
        assert client.get_app() == AppInfo("1", "", "")
        report = client.get_task("t-1")
    assert (report.state, dict(report.user_results or {})) == (TaskState.COMPLETED, {"a": "ok"})


def test_it_counts_page_by_page_up_to_a_bound() -> None:
    full = [{"id": number} for number in range(100)]
    pages = (Reply(201, {"feeds": full, "next": "c1"}), Reply(201, {"feeds": [{}, {}], "next": ""}))
    with scripted(*pages) as server:
        assert server.client().count_feeds("a") == Count(102)
    assert [json.loads(seen.body).get("next") for seen in server.seen] == [None, "c1"]
    with scripted(Reply(201, {"feeds": full, "next": "again"})) as endless:
        assert endless.client().count_feeds("a") == Count(500, at_least=True)
    with scripted(Reply(201, {"channels": full}), Reply(201, {"channels": [{}]})) as server:
        assert server.client().count_channels("a") == Count(101)
    assert [json.loads(seen.body)["offset"] for seen in server.seen] == [0, 100]
    with scripted(Reply(201, {"channels": full})) as endless:
        assert endless.client().count_channels("a") == Count(500, at_least=True)


def follow(source: str, target: str) -> dict[str, object]:
    return {"source_feed": {"feed": source}, "target_feed": {"feed": target}}


def test_it_finds_follows_by_the_feeds_of_the_user_and_counts_each_once() -> None:
    feeds = Reply(201, {"feeds": [{"feed": "user:a"}, {"fid": "timeline:a"}, {}]})
    own = follow("timeline:a", "user:a")
    sources = Reply(201, {"follows": [own, follow("timeline:a", "user:b"), {}], "next": "c1"})
    targets = Reply(201, {"follows": [own, follow("timeline:c", "user:a"), {}]})
    with scripted(feeds, sources, Reply(201, {"follows": []}), targets) as server:
        assert server.client().count_follows("a") == Count(5)

    asked = [json.loads(seen.body) for seen in server.seen]
    fids = {"$in": ["user:a", "timeline:a"]}
    assert asked == [
        {"filter": {"created_by_id": "a"}, "limit": 100},
        {"filter": {"source_fid": fids}, "limit": 100},
        {"filter": {"source_fid": fids}, "limit": 100, "next": "c1"},
        {"filter": {"target_fid": fids}, "limit": 100},
    ]


def test_without_feeds_nobody_asks_for_follows() -> None:
    with scripted(Reply(201, {"feeds": []})) as server:
        assert server.client().count_follows("a") == Count(0)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("feeds", "more"), [(99, ""), (100, ""), (1, "again")], ids=["all", "more feeds", "more follows"]
)
def test_follows_are_at_least_so_many_where_a_bound_was_hit(feeds: int, more: str) -> None:
    found = {"follows": [follow("x:1", "x:2")], "next": more}
    pages = [Reply(201, {"feeds": [{"feed": f"user:{number}"} for number in range(feeds)]}), Reply(201, found)]
    with scripted(*pages) as server:
        assert server.client().count_follows("a") == Count(1, at_least=(feeds, more) != (99, ""))


def test_it_asks_for_both_tables_of_budgets_and_leaves_out_what_is_not_whole() -> None:
    whole = {"limit": 6, "remaining": 4, "reset": 1_795_000_040}
    odd = [None, 7, {}, {**whole, "limit": "6"}, {**whole, "remaining": True}, {**whole, "reset": 10**30}]
    table = {"server_side": {"DeleteUsers": whole, **{f"Odd{place}": told for place, told in enumerate(odd)}}}
    with scripted(
        Reply(200, table), Reply(200, {"ios": {"GetTask": whole}}), Reply(200, {"server_side": []})
    ) as server:
        client = server.client()
        budget = RateLimit(6, 4, datetime.fromtimestamp(1_795_000_040, UTC))
        assert dict(client.get_rate_limits()) == {"DeleteUsers": budget}
        assert dict(client.get_feeds_rate_limits()) == {}
        assert dict(client.get_rate_limits()) == {}

    paths = [seen.path for seen in server.seen]
    assert paths == ["/api/v2/rate_limits", "/api/v2/feeds/feeds/rate_limits", "/api/v2/rate_limits"]
    assert all(seen.query["server_side"] == "true" and not seen.body for seen in server.seen)


def test_it_passes_each_budget_on_also_with_a_refusal() -> None:
    heard: list[tuple[str, RateLimit]] = []
    headers = (("X-RateLimit-Limit", "6, 6"), ("X-RateLimit-Remaining", "0, 0"), ("X-RateLimit-Reset", "1795000040, 1"))
    with scripted(Reply(201, ANYTHING, headers), Reply(429, b"slow down", headers), Reply()) as server:
        credentials = Credentials(server.base_url, API_KEY, SECRET)
        client = StreamClient(credentials, on_limit=lambda *told: heard.append(told))
        client.restore_users(["a"])
        with pytest.raises(RateLimited):
            client.delete_users(["a"], {})
        client.delete_users(["a"], {})
    assert [(name, limit.limit, limit.remaining) for name, limit in heard] == [
        ("RestoreUsers", 6, 0),
        ("DeleteUsers", 6, 0),
    ]


def envelope(code: int, status: int) -> dict[str, object]:
    text = f'DeleteUsers failed with error: "user {USER_ID} is odd"'
    return {"code": code, "message": text, "StatusCode": status, "duration": "0.00ms", "more_info": "x", "details": []}


ANSWERS: list[tuple[int, object, type[StreamError], int | None]] = [
    (400, envelope(4, 400), Rejected, 4),
    (400, {"code": 4}, Rejected, 4),
    (400, {"message": "no code"}, Rejected, None),
    (400, {"code": "4", "message": ["x"]}, Rejected, None),
    (400, {"code": True}, Rejected, None),
    (400, envelope(5, 400), KeyRefused, 5),
    (401, envelope(2, 401), KeyRefused, 2),
    (401, b"", KeyRefused, None),
    (403, envelope(17, 403), KeyRefused, 17),
    (403, envelope(99, 403), KeyRefused, 99),
    (404, envelope(16, 404), NotFound, 16),
    (404, b"<html>not here</html>", Rejected, None),
    (404, envelope(4, 404), Rejected, 4),
    (408, envelope(23, 408), UnknownOutcome, 23),
    (409, envelope(4, 409), Rejected, 4),
    (413, envelope(22, 413), Rejected, 22),
    (429, envelope(9, 429), RateLimited, 9),
    (429, b"rate limit exceeded", RateLimited, 9),
    (400, envelope(9, 400), RateLimited, 9),
    (500, envelope(-1, 500), UnknownOutcome, -1),
    (502, b"<html>Bad Gateway</html>", UnknownOutcome, None),
    (503, b"upstream connect error", UnknownOutcome, None),
    (503, [], UnknownOutcome, None),
    (504, b"", UnknownOutcome, None),
    *((status, b"", UnknownOutcome, None) for status in (202, 204, 301, 302, 303, 307, 308)),
    *(
        (201, body, UnknownOutcome, None)
        for body in (b"", b"[]", b"null", b'"t-1"', b"<html>", b"\xff\xfe", b"{", {}, {"task_id": 0.5}, b"[" * 100_000)
    ),
    (404, b"[" * 100_000, Rejected, None),
]


@pytest.mark.parametrize(("status", "body", "kind", "code"), ANSWERS)
def test_each_answer_has_its_meaning_and_tells_nothing(
    status: int, body: object, kind: type[StreamError], code: int | None
) -> None:
    headers = (("Location", "http://127.0.0.1:1/elsewhere"), ("Retry-After", "3")) if status >= 300 else ()
    with scripted(Reply(status, body, headers)) as server, pytest.raises(StreamError) as caught:
        server.client().delete_users([USER_ID], {})

    error = caught.value
    assert (type(error), error.status, error.code, error.operation) == (kind, status, code, "DeleteUsers")
    assert len(server.seen) == 1
    words = [SECRET, API_KEY, USER_ID, server.base_url, server.seen[0].headers["authorization"], "elsewhere"]
    assert [word for word in words if word in told(error)] == []


def test_what_stream_wrote_is_kept_apart_with_the_ids_masked() -> None:
    with scripted(Reply(400, envelope(4, 400))) as server, pytest.raises(Rejected) as caught:
        server.client().delete_users(["bob", USER_ID], {})

    assert caught.value.remote_message == 'DeleteUsers failed with error: "user … is odd"'
    assert "odd" not in str(caught.value)


UNMASKED: list[tuple[Call, str]] = [
    (lambda c: c.count_feeds(USER_ID), f"user {USER_ID} is odd"),
    (lambda c: c.count_channels(USER_ID), f"user {USER_ID} is odd"),
    (lambda c: c.restore_users([USER_ID]), "x" * 490 + USER_ID),
    (lambda c: c.restore_users(["canary", USER_ID]), f"user {USER_ID} is odd"),
]


@pytest.mark.parametrize(("call", "message"), UNMASKED, ids=["counts", "channels", "cut", "prefix"])
def test_ids_are_masked_everywhere(call: Call, message: str) -> None:
    with scripted(Reply(400, {"code": 4, "message": message})) as server, pytest.raises(Rejected) as caught:
        call(server.client())
    assert "quill" not in caught.value.remote_message
    assert "canary" not in caught.value.remote_message


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_429_says_when_to_come_back(form: str) -> None:
    value = "300" if form == "seconds" else formatdate(time() + 300, usegmt=True)
    reply = Reply(429, envelope(9, 429), (("Retry-After", value),))
    with scripted(reply) as server, pytest.raises(RateLimited) as caught:
        server.client().delete_users(["a"], {})
    assert 200 <= caught.value.retry_after <= 301


@pytest.mark.parametrize("task_id", ["..", "", "a/b", "a\r\nb", "x" * 5_000])
def test_what_is_no_task_id_never_stands_in_a_path(task_id: str) -> None:
    with scripted() as server:
        with pytest.raises(ValueError, match="cannot be an id"):
            server.client().get_task(task_id)

        assert not server.seen
