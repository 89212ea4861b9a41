"""The stand-in keeps the API's contract: over HTTP by hand, and by the portal's own client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import requests

from portal.sandbox import clock, routes
from requests_app.stream.errors import KeyRefused, NotFound, RateLimited, Rejected, UnknownOutcome
from requests_app.stream.wire import TaskState
from tests.canary import SECRET
from tests.sandbox_server import StandIn, running_sandbox

# Two channels and one call of two members, two channels and one call of more; eight messages.
SUBJECT, NEIGHBOUR, BYSTANDER = "u_82c1f0e9", "marie.curie", "u_fe11d8b0"
HARD: dict[str, Any] = {"user": "hard", "messages": "hard", "conversations": "hard"}
MANY = [f"u{number}" for number in range(101)]
MEMBERS = {"filter_conditions": {"members": {"$in": [SUBJECT]}}}
DAY = 86_400


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with running_sandbox() as started:
        yield started


class Hands:
    """The sandbox's time, held still at the start of a minute."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = float(int(clock.now()) // 60 * 60 + 60)
        monkeypatch.setattr(clock, "now", lambda: self.at)


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    return Hands(monkeypatch)


def token(secret: str = SECRET, **claims: Any) -> str:
    return jwt.encode(claims, secret, algorithm="HS256")


def fetch(method: str, url: str, **options: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, timeout=5, **options)


def ask(stand_in: StandIn, method: str, path: str, body: object = None, payload: object = None) -> requests.Response:
    """One call as Stream's own client would send it: an empty token, no body where there is none."""
    query = {"api_key": stand_in.key, **({} if payload is None else {"payload": json.dumps(payload)})}
    headers = {"stream-auth-type": "jwt", "Authorization": token()}
    return fetch(method, f"{stand_in.base_url}/api/v2{path}", params=query, json=body, headers=headers)


def done(stand_in: StandIn, path: str, body: object = None) -> dict[str, Any]:
    """Start a task and read it back finished."""
    answer = ask(stand_in, "POST", path, body)
    assert answer.status_code == 201, answer.text
    task: dict[str, Any] = ask(stand_in, "GET", f"/tasks/{answer.json()['task_id']}").json()
    assert task["status"] == "completed"
    return task


def exported(stand_in: StandIn, user_id: str) -> list[dict[str, Any]]:
    """The lines of a user's export."""
    link = done(stand_in, "/export/users", {"user_ids": [user_id]})["result"]["url"]
    return [json.loads(line) for line in fetch("GET", link).text.splitlines()]


def left(stand_in: StandIn, user_id: str) -> dict[str, int]:
    """What the queries still show of a user."""
    client = stand_in.client()
    found = ask(
        stand_in, "GET", "/chat/search", payload={"message_filter_conditions": {"user_id": user_id}, "limit": 100}
    )
    return {
        "user": len(client.query_users([user_id])),
        "messages": len(found.json()["results"]),
        "channels": client.count_channels(user_id).number,
        "calls": client.count_calls(user_id).number,
        "feeds": client.count_feeds(user_id).number,
        "activities": client.count_activities(user_id).number,
        "comments": client.count_comments(user_id).number,
        "bookmarks": client.count_bookmarks(user_id).number,
        "folders": client.count_bookmark_folders(user_id).number,
        "collections": client.count_collections(user_id).number,
    }


def by_user(value: object) -> dict[str, object]:
    return {"filter": {"user_id": value}}


Row = tuple[str, str, object, object, int, str]
HAPPY: list[Row] = [
    ("POST", "/feeds/users/a%20b%2Fc/export", None, None, 201, "task_id"),
    ("POST", f"/feeds/users/{SUBJECT}/delete", {"hard_delete": True}, None, 201, "task_id"),
    ("POST", f"/feeds/users/{SUBJECT}/delete", {}, None, 201, "task_id"),
    ("POST", "/users/delete", {"user_ids": [SUBJECT], **HARD, "files": True, "calls": "soft"}, None, 201, "task_id"),
    ("POST", "/users/delete", {"user_ids": [SUBJECT], "user": None, "messages": ""}, None, 201, "task_id"),
    ("POST", "/export/users", {"user_ids": [SUBJECT, "élodie"]}, None, 201, "task_id"),
    ("GET", "/users", None, {"filter_conditions": {"id": {"$autocomplete": "u_"}}, "sort": None}, 200, "users"),
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
    ("GET", "/chat/search", None, {"message_filter_conditions": {"user_id": SUBJECT}}, 200, "results"),
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
    ("GET", "/chat/search", None, {}, 400, 4),
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


BEFORE = {"user": 1, "messages": 8, "channels": 4, "calls": 2, "feeds": 2, "activities": 3} | dict.fromkeys(
    ("comments", "bookmarks", "folders", "collections"), 1
)


@pytest.mark.parametrize(
    ("fields", "gone", "texts"),
    [
        ({}, {}, 8),
        ({"user": "soft"}, {}, 8),
        ({"user": "pruning"}, {}, 8),
        ({"messages": "soft"}, {"messages": 0}, 8),
        ({"messages": "pruning"}, {"messages": 0}, 0),
        ({"messages": "hard"}, {"messages": 0}, None),
        ({"conversations": "soft"}, {"channels": 2}, 8),
        ({"conversations": "hard"}, {"channels": 2, "messages": 2}, 2),
        ({"calls": "soft"}, {"calls": 1}, 8),
        ({"calls": "hard"}, {"calls": 1}, 8),
        (HARD, {"messages": 0, "channels": 0, "calls": 0}, None),
    ],
)
def test_each_mode_takes_away_what_it_says_and_nothing_of_others(
    stand_in: StandIn, fields: dict[str, Any], gone: dict[str, int], texts: int | None
) -> None:
    others = left(stand_in, BYSTANDER), exported(stand_in, BYSTANDER)
    assert left(stand_in, SUBJECT) == BEFORE

    task = done(stand_in, "/users/delete", {"user_ids": [SUBJECT], **fields})

    assert task["result"] == {SUBJECT: {"status": "ok"}}
    assert left(stand_in, SUBJECT) == BEFORE | {"user": 0} | gone
    messages = [line["data"] for line in exported(stand_in, SUBJECT) if line["type"] == "message"]
    # None: no message is left; soft ones stay in exports, pruned ones without their text.
    assert (sum(bool(message["text"]) for message in messages) if messages else None) == texts
    assert (left(stand_in, BYSTANDER), exported(stand_in, BYSTANDER)) == others


@pytest.mark.parametrize(("mode", "name"), [("soft", "Priya Raman"), ("pruning", "")])
def test_a_restored_user_is_back_with_what_was_kept(stand_in: StandIn, mode: str, name: str) -> None:
    done(stand_in, "/users/delete", {"user_ids": [SUBJECT], "user": mode, "messages": "soft"})

    assert ask(stand_in, "POST", "/users/restore", {"user_ids": [SUBJECT]}).status_code == 201

    assert [user.name for user in stand_in.client().query_users([SUBJECT])] == [name]
    assert left(stand_in, SUBJECT) == BEFORE | {"messages": 0}


def test_a_hard_deleted_user_never_comes_back_and_its_channels_get_an_owner(stand_in: StandIn) -> None:
    done(stand_in, "/users/delete", {"user_ids": ["marta.lindqvist"], **HARD, "new_channel_owner_id": BYSTANDER})
    done(stand_in, "/users/delete", {"user_ids": ["guest-0093817"], **HARD})
    again = {"users": {"marta.lindqvist": {"id": "marta.lindqvist"}}}

    assert ask(stand_in, "POST", "/users/restore", {"user_ids": ["marta.lindqvist"]}).status_code == 404
    assert ask(stand_in, "POST", "/users", again).status_code == 404
    channels = [row["channel"] for row in ask(stand_in, "POST", "/chat/channels", MEMBERS).json()["channels"]]
    assert BYSTANDER in {channel["created_by"]["id"] for channel in channels}
    theirs = ask(stand_in, "POST", "/chat/channels", {"filter_conditions": {"members": {"$in": ["u_019b3e5f"]}}})
    assert any(row["channel"]["created_by"]["id"].startswith("delete-user-") for row in theirs.json()["channels"])


@pytest.mark.parametrize(("hard", "still"), [(False, 3), (True, 0)])
def test_feeds_data_goes_and_the_account_stays(stand_in: StandIn, hard: bool, still: int) -> None:
    others = left(stand_in, NEIGHBOUR)
    done(stand_in, f"/feeds/users/{SUBJECT}/delete", {"hard_delete": hard})

    kept = {name: BEFORE[name] for name in ("user", "messages", "channels", "calls")}
    assert left(stand_in, SUBJECT) == dict.fromkeys(BEFORE, 0) | kept
    assert stand_in.client().count_activities(SUBJECT, include_soft_deleted=True).number == still
    for end in ({"source_fid": f"timeline:{SUBJECT}"}, {"target_fid": {"$in": [f"user:{SUBJECT}"]}}):
        assert ask(stand_in, "POST", "/feeds/follows/query", {"filter": end}).json()["follows"] == []
    assert left(stand_in, NEIGHBOUR) == others


def test_a_task_goes_through_its_states_in_its_time(hands: Hands) -> None:
    with running_sandbox(task_seconds=60) as slow:
        task_id = ask(slow, "POST", "/users/delete", {"user_ids": [SUBJECT], "messages": "hard"}).json()["task_id"]
        seen = []
        for seconds in (0, 29, 1, 29, 1):
            hands.at += seconds
            seen.append(ask(slow, "GET", f"/tasks/{task_id}").json())

        assert [task["status"] for task in seen] == ["pending", "pending", "running", "running", "completed"]
        assert [("result" in task, type(task["created_at"])) for task in seen] == [(False, int)] * 4 + [(True, int)]
        assert seen[-1]["updated_at"] - seen[-1]["created_at"] == 60 * 10**9
        assert left(slow, SUBJECT)["messages"] == 0


def test_an_export_link_is_signed_expires_and_is_renewed(stand_in: StandIn, hands: Hands) -> None:
    task = done(stand_in, f"/feeds/users/{SUBJECT}/export")
    first = task["result"]["url"]
    content = fetch("GET", first).json()
    assert content["user"]["name"] == "Priya Raman"
    assert {name: len(content[name]) for name in ("feeds", "activities", "follows", "reactions")} == {
        "feeds": 2,
        "activities": 3,
        "follows": 2,
        "reactions": 1,
    }
    for altered in (first[:-1], first.replace("expires=", "expires=9"), first.split("?")[0]):
        assert fetch("GET", altered).status_code == 403

    hands.at += DAY + 1
    second = ask(stand_in, "GET", f"/tasks/{task['task_id']}").json()["result"]["url"]

    assert (fetch("GET", first).status_code, fetch("GET", second).json()) == (403, content)
    hands.at += 60 * DAY
    third = ask(stand_in, "GET", f"/tasks/{task['task_id']}").json()["result"]["url"]
    assert fetch("GET", third).status_code == 404


def test_the_budget_is_told_and_kept(hands: Hands) -> None:
    with running_sandbox(delete_users_per_minute=2) as strict:
        answers = [
            ask(strict, "POST", "/users/delete", {"user_ids": [name]}) for name in (SUBJECT, NEIGHBOUR, BYSTANDER)
        ]
        told = [(answer.status_code, answer.headers["X-RateLimit-Remaining"]) for answer in answers]
        assert told == [(201, "1"), (201, "0"), (429, "0")]
        assert (answers[2].json()["code"], answers[2].headers["Retry-After"]) == (9, "60")
        assert int(answers[2].headers["X-RateLimit-Reset"]) == hands.at + 60
        with pytest.raises(RateLimited):
            strict.client().delete_users([BYSTANDER], {})
        assert len(strict.calls()) == 2

        hands.at += 60
        assert ask(strict, "POST", "/users/delete", {"user_ids": [BYSTANDER]}).status_code == 201


def test_the_portals_client_gets_on_with_it(stand_in: StandIn) -> None:
    client = stand_in.client()
    assert client.get_app().name == "Sandbox"
    assert {user.id for user in client.search_users("u_")} > {SUBJECT, BYSTANDER}
    report = client.get_task(client.export_feeds_data("a b/c").task_id)
    assert (report.state, report.user_results) == (TaskState.COMPLETED, None)
    with client.open_export(report.url or "") as export:
        content = b"".join(export.iter_chunks())
    assert (export.size, json.loads(content)["user"]["id"]) == (len(content), "a b/c")
    report = client.get_task(client.delete_users(["a b/c", "élodie"], HARD).task_id)
    assert dict(report.user_results or {}) == {"a b/c": "ok", "élodie": "ok"}
    assert client.get_task(client.delete_feeds_data("a b/c", hard=True).task_id).state is TaskState.COMPLETED
    assert client.query_users(["a b/c", "élodie", SUBJECT]) == client.query_users([SUBJECT])
    for call, kind in (
        (lambda: client.get_task("none"), NotFound),
        (lambda: client.restore_users([SUBJECT]), Rejected),
    ):
        with pytest.raises(kind):
            call()
    operations = [call["operation"] for call in stand_in.calls()]
    assert operations == ["ExportFeedUserData", "DeleteUsers", "DeleteFeedUserData"]


def test_faults_on_purpose_meet_the_client_as_they_should(stand_in: StandIn) -> None:
    client = stand_in.client()
    for fault, kind in (
        ({"error": 503}, UnknownOutcome),
        ({"error": 401}, KeyRefused),
        ({"lose_answer": True}, UnknownOutcome),
    ):
        stand_in.go_wrong(calls={"RestoreUsers": fault, "DeleteUsers": fault})
        with pytest.raises(kind):
            client.delete_users([SUBJECT], {})
    assert len(stand_in.calls()) == 1

    for fate, state in (("fail", TaskState.FAILED), ("hang", TaskState.GOING), ("partly", TaskState.COMPLETED)):
        stand_in.go_wrong(tasks={"DeleteUsers": {"fate": fate}})
        report = client.get_task(client.delete_users([NEIGHBOUR, BYSTANDER], {}).task_id)
        assert report.state is state
    assert dict(report.user_results or {}) == {NEIGHBOUR: "ok", BYSTANDER: "error"}


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


def test_a_second_softer_delete_brings_nobody_back(stand_in: StandIn) -> None:
    done(stand_in, "/users/delete", {"user_ids": [SUBJECT], **HARD})
    ask(stand_in, "POST", "/users/delete", {"user_ids": [SUBJECT]})

    assert ask(stand_in, "POST", "/users/restore", {"user_ids": [SUBJECT]}).status_code == 404
