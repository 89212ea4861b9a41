"""The stand-in keeps the shape of the API: every call is answered or refused as the contract says."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest

from portal.sandbox import routes
from tests.canary import SECRET
from tests.contract.by_hand import HARD, MANY, MEMBERS, NEIGHBOUR, SUBJECT, ask, by_user, fetch, token
from tests.sandbox_server import StandIn

Row = tuple[str, str, object, object, int, str]
HAPPY: list[Row] = [
    ("POST", "/feeds/users/a%20b%2Fc/export", None, None, 201, "task_id"),
    ("POST", f"/feeds/users/{SUBJECT}/delete", {"hard_delete": True}, None, 201, "task_id"),
    ("POST", f"/feeds/users/{SUBJECT}/delete", {}, None, 201, "task_id"),
    ("POST", "/users/delete", {"user_ids": [SUBJECT], **HARD, "files": True, "calls": "soft"}, None, 201, "task_id"),
    ("POST", "/users/delete", {"user_ids": [SUBJECT], "user": None, "messages": ""}, None, 201, "task_id"),
    ("POST", "/export/users", {"user_ids": [SUBJECT, "élodie"]}, None, 201, "task_id"),
    ("GET", "/users", None, {"filter_conditions": {"id": {"$autocomplete": "u_"}}, "sort": None}, 200, "users"),
    ("GET", "/users", None, {"filter_conditions": {"name": {"$autocomplete": "Ma"}}, "limit": 5}, 200, "users"),
    ("POST", "/users", {"users": {"new": {"id": "new", "name": "New"}}}, None, 201, "users"),
    ("PATCH", "/users", {"users": [{"id": SUBJECT, "set": {"name": "P"}, "unset": ["city"]}]}, None, 200, "users"),
    ("POST", "/users/deactivate", {"user_ids": [SUBJECT]}, None, 201, "task_id"),
    ("POST", "/users/reactivate", {"user_ids": [SUBJECT]}, None, 201, "task_id"),
    ("POST", f"/users/{SUBJECT}/deactivate", {}, None, 201, "user"),
    ("POST", f"/users/{SUBJECT}/reactivate", {"restore_messages": True}, None, 201, "user"),
    ("GET", "/app", None, None, 200, "app"),
    ("GET", "/rate_limits", None, None, 200, "server_side"),
    ("GET", "/feeds/feeds/rate_limits", None, None, 200, "server_side"),
    ("POST", "/feeds/feeds/query", {"filter": {"created_by_id": SUBJECT}}, None, 201, "feeds"),
    ("POST", "/feeds/activities/query", by_user({"$eq": SUBJECT}), None, 201, "activities"),
    ("POST", "/feeds/comments/query", by_user(SUBJECT), None, 201, "comments"),
    ("POST", "/feeds/bookmarks/query", by_user(SUBJECT), None, 201, "bookmarks"),
    ("POST", "/feeds/bookmark_folders/query", by_user(SUBJECT), None, 201, "bookmark_folders"),
    ("POST", "/feeds/collections/query", by_user(SUBJECT), None, 201, "collections"),
    ("POST", "/feeds/follows/query", {"filter": {"source_feed": f"timeline:{SUBJECT}"}}, None, 201, "follows"),
    ("POST", "/chat/channels", MEMBERS, None, 201, "channels"),
    ("GET", "/chat/search", None, {**MEMBERS, "message_filter_conditions": {"user_id": SUBJECT}}, 200, "results"),
    ("POST", "/video/calls", MEMBERS, None, 201, "calls"),
]
BAD_IDS: list[object] = [None, "a", [], [""], ["x" * 256], ["a", "a"], [1], MANY]
REFUSED: list[tuple[str, str, object, object, int, int]] = [
    *(
        ("POST", path, {"user_ids": ids}, None, 400, 4)
        for path in ("/users/delete", "/users/restore", "/export/users", "/users/deactivate", "/users/reactivate")
        for ids in BAD_IDS
    ),
    *(
        (method, path, {"surprise": 1}, None, 400, 4)
        for method, path, _, payload, *_ in HAPPY
        if method != "GET" and payload is None
    ),
    *(
        ("POST", "/users/delete", {"user_ids": [SUBJECT], **fields}, None, 400, 4)
        for fields in (
            {"user": "HARD"},
            {"conversations": "pruning"},
            {"calls": "pruning"},
            {"messages": 1},
            {"files": "yes"},
            {"user": "hard"},
            {**HARD, "messages": "soft"},
            {**HARD, "conversations": None},
            {"new_channel_owner_id": NEIGHBOUR},
            {**HARD, "new_channel_owner_id": SUBJECT},
            {**HARD, "new_call_owner_id": "nobody"},
            {**HARD, "new_call_owner_id": 7},
        )
    ),
    ("POST", "/users/delete", {"user_ids": ["nobody"]}, None, 404, 16),
    ("POST", "/users/restore", {"user_ids": [SUBJECT]}, None, 400, 4),
    ("POST", "/users/restore", {"user_ids": ["nobody"]}, None, 404, 16),
    ("POST", "/export/users", {"user_ids": MANY[:26]}, None, 400, 4),
    ("POST", "/export/users", {"user_ids": ["nobody"]}, None, 404, 16),
    ("POST", "/feeds/users/nobody/export", None, None, 404, 16),
    ("POST", "/feeds/users/nobody/delete", {}, None, 404, 16),
    ("POST", f"/feeds/users/{SUBJECT}/delete", {"hard_delete": "yes"}, None, 400, 4),
    ("POST", f"/feeds/users/{SUBJECT}/delete", [True], None, 400, 4),
    ("GET", "/tasks/nothing", None, None, 404, 16),
    ("GET", "/users", None, None, 400, 4),
    ("GET", "/users", None, {"filter_conditions": {"shoe": 1}}, 400, 4),
    ("GET", "/users", None, {"filter_conditions": {"id": {"$like": "x"}}}, 400, 4),
    ("GET", "/users", None, {"filter_conditions": {"name": {"$autocomplete": 5}}}, 400, 4),
    ("GET", "/users", None, {"filter_conditions": {}, "limit": 101}, 400, 4),
    ("GET", "/users", None, {"filter_conditions": {}, "include_deleted": True}, 400, 4),
    ("POST", "/users", {"users": {"a": {"id": "b"}}}, None, 400, 4),
    ("PATCH", "/users", {"users": [{"id": "nobody"}]}, None, 404, 16),
    ("POST", "/users/nobody/deactivate", {}, None, 404, 16),
    ("POST", "/users/nobody/reactivate", {}, None, 404, 16),
    ("POST", "/feeds/feeds/query", {"filter": {"user_id": SUBJECT}}, None, 400, 4),
    ("POST", "/feeds/comments/query", {}, None, 400, 4),
    ("POST", "/feeds/comments/query", {**by_user(SUBJECT), "limit": 101}, None, 400, 4),
    ("POST", "/feeds/comments/query", {**by_user(SUBJECT), "next": "x"}, None, 400, 4),
    ("POST", "/chat/channels", {"filter_conditions": {"members": [SUBJECT]}}, None, 400, 4),
    *(
        ("GET", "/chat/search", None, payload, 400, 4)
        for payload in (
            {},
            [],
            MEMBERS,
            {"message_filter_conditions": {"user_id": SUBJECT}},
            {**MEMBERS, "message_filter_conditions": {"user_id": SUBJECT}, "limit": 101},
            {**MEMBERS, "message_filter_conditions": {"user_id": SUBJECT}, "offset_in": 1},
            {**MEMBERS, "message_filter_conditions": {"text": "x"}},
        )
    ),
    ("POST", "/video/calls", {**MEMBERS, "limit": True}, None, 400, 4),
    ("GET", "/nowhere", None, None, 404, 16),
]


def test_every_operation_of_the_table_has_a_happy_case() -> None:
    paths = [(method, path) for method, path, *_ in HAPPY] + [("GET", "/tasks/t"), ("POST", "/users/restore")]
    tried = [found[0] for method, path in paths if (found := routes.find(method, f"/api/v2{path}"))]

    assert set(tried) == {operation for _, _, operation, _ in routes.ROUTES}


@pytest.mark.parametrize(("method", "path", "body", "payload", "status", "key"), HAPPY)
def test_it_answers(
    stand_in: StandIn, method: str, path: str, body: object, payload: object, status: int, key: str
) -> None:
    answer = ask(stand_in, method, path, body, payload)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/json")
    assert {key, "duration"} <= set(answer.json())
    assert answer.json()[key]
    if key == "task_id":
        assert stand_in.calls()[-1]["task_id"] == answer.json()["task_id"]
        assert ask(stand_in, "GET", f"/tasks/{answer.json()['task_id']}").json()["status"] == "completed"


@pytest.mark.parametrize(("method", "path", "body", "payload", "status", "code"), REFUSED)
def test_it_refuses_in_the_apis_envelope_and_does_nothing(
    stand_in: StandIn, method: str, path: str, body: object, payload: object, status: int, code: int
) -> None:
    answer = ask(stand_in, method, path, body, payload)

    told, found = answer.json(), routes.find(method, f"/api/v2{path}")
    assert (answer.status_code, told["code"], told["StatusCode"]) == (status, code, status)
    assert told["message"].startswith(f'{found[0] if found else "Unknown"} failed with error: "')
    assert {"duration", "more_info", "details"} <= set(told)
    assert told["details"] == []
    assert stand_in.calls() == []


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"Authorization": ""}, 401, 5),
        ({"Authorization": "no.jwt.atall"}, 401, 5),
        ({"Authorization": f"Bearer {token()}"}, 401, 5),
        ({"Authorization": jwt.encode({}, SECRET * 2, algorithm="HS512")}, 401, 5),
        ({"Authorization": token(exp=1)}, 401, 40),
        ({"Authorization": token(nbf=9_999_999_999)}, 401, 41),
        ({"Authorization": token(iat=9_999_999_999)}, 401, 42),
        ({"Authorization": token(SECRET[::-1])}, 401, 43),
        ({"Authorization": token(user_id=SUBJECT)}, 403, 17),
        ({"stream-auth-type": "anonymous"}, 401, 5),
        ({"api_key": "another"}, 401, 2),
        ({"api_key": None}, 401, 2),
    ],
)
def test_it_lets_nobody_in_without_key_and_token(
    stand_in: StandIn, changes: dict[str, Any], status: int, code: int
) -> None:
    headers = {"stream-auth-type": "jwt", "Authorization": token(), **changes}
    query = {"api_key": headers.pop("api_key", stand_in.key)}
    answer = fetch("GET", f"{stand_in.base_url}/api/v2/app", params=query, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert SECRET not in answer.text
    assert answer.headers["X-RateLimit-Limit"] == answer.headers["X-RateLimit-Remaining"] == "10000"


UNANSWERED: list[tuple[str, str, object, object]] = [
    ("POST", "/users/delete", {"user_ids": [SUBJECT], "user": ["hard"]}, None),
    ("GET", "/users", None, {"filter_conditions": {"id": {"$gt": 5}}}),
    ("PATCH", "/users", {"users": [5]}, None),
    ("PATCH", "/users", {"users": [{"id": SUBJECT, "unset": 5}]}, None),
]


@pytest.mark.parametrize(("method", "path", "body", "payload"), UNANSWERED)
def test_a_wrong_type_anywhere_is_refused(
    stand_in: StandIn, method: str, path: str, body: object, payload: object
) -> None:
    assert ask(stand_in, method, path, body, payload).status_code == 400


BUDGET = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}


@pytest.mark.parametrize(("method", "path"), [("GET", "/app"), ("GET", "/nowhere"), ("POST", "/users/delete")])
def test_every_answer_tells_the_budget(stand_in: StandIn, method: str, path: str) -> None:
    assert set(ask(stand_in, method, path).headers) >= BUDGET


@pytest.mark.parametrize(
    ("path", "asked", "shown", "hidden"),
    [
        ("/rate_limits", "", {"DeleteUsers", "GetTask", "ExportUsers", "QueryCalls"}, {"QueryFeeds"}),
        ("/feeds/feeds/rate_limits", "", {"ExportFeedUserData", "QueryFollows"}, {"DeleteUsers"}),
        ("/rate_limits", "&server_side=true&endpoints=DeleteUsers,GetTask", {"DeleteUsers", "GetTask"}, {"GetApp"}),
        ("/rate_limits", "&android=true", set(), {"DeleteUsers"}),
    ],
)
def test_each_table_of_budgets_shows_its_own(
    stand_in: StandIn, path: str, asked: str, shown: set[str], hidden: set[str]
) -> None:
    url = f"{stand_in.base_url}/api/v2{path}?api_key={stand_in.key}{asked}"
    answer = fetch("GET", url, headers={"stream-auth-type": "jwt", "Authorization": token()})

    table = answer.json().get("server_side", {})
    assert shown <= set(table)
    assert not hidden & set(table)
    assert all(set(told) == {"limit", "remaining", "reset"} for told in table.values())


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        ({"id_gt": "u_5be01c77", "id_lt": "u_82c1f0e9"}, ["u_77aa10d2"]),
        ({"id_gte": "u_5be01c77", "id_lte": "u_77aa10d2"}, ["u_5be01c77", "u_77aa10d2"]),
        ({"id_gt": None, "limit": 1, "offset": 1}, ["b.kowalski"]),
    ],
)
def test_users_are_found_within_bounds_of_ids(stand_in: StandIn, bounds: dict[str, object], found: list[str]) -> None:
    answer = ask(stand_in, "GET", "/users", payload={"filter_conditions": {}, **bounds})

    assert [user["id"] for user in answer.json()["users"]] == found


def test_a_call_whose_caller_died_before_its_body_is_not_accepted(stand_in: StandIn) -> None:
    """A client sends head and body apart. Without its body a hard delete would look like a soft one."""
    place = urlsplit(stand_in.base_url)
    head = (
        f"POST /api/v2/feeds/users/{SUBJECT}/delete?api_key={stand_in.key} HTTP/1.1\r\nHost: {place.netloc}\r\n"
        f"stream-auth-type: jwt\r\nAuthorization: {token()}\r\n"
        "Content-Type: application/json\r\nContent-Length: 21\r\n\r\n"
    )
    with socket.create_connection((place.hostname, place.port), timeout=20) as caller:
        caller.sendall(head.encode())
        caller.shutdown(socket.SHUT_WR)
        answer = caller.recv(1)

    assert answer == b""
    assert stand_in.calls() == []
