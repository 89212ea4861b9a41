"""The stand-in does what the API does: modes, tasks, links, limits, and the faults that are asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from portal.sandbox.faults import Faults
from requests_app.stream.errors import KeyRefused, NotFound, RateLimited, Rejected, UnknownOutcome
from requests_app.stream.wire import TaskState
from tests.contract.by_hand import (
    BYSTANDER,
    DAY,
    HARD,
    MEMBERS,
    NEIGHBOUR,
    SUBJECT,
    Hands,
    ask,
    done,
    exported,
    fetch,
    left,
)
from tests.sandbox_server import StandIn, running_sandbox

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
    foreign = done(stand_in, f"/feeds/users/{NEIGHBOUR}/export")["result"]["url"]
    swapped = f"{foreign.split('?')[0]}?{first.split('?')[1]}"
    for altered in (first[:-1], first.replace("expires=", "expires=9"), first.split("?")[0], swapped):
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
    named = client.search_users("mar", by="name")
    assert named
    assert all(user.name.lower().startswith("mar") for user in named)
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

    stand_in.go_wrong(tasks={"ExportUsers": {"fate": "hang", "users": [BYSTANDER]}})
    for user_id, state in ((NEIGHBOUR, TaskState.COMPLETED), (BYSTANDER, TaskState.GOING)):
        assert client.get_task(client.export_users([user_id]).task_id).state is state

    stand_in.go_wrong(tasks={"ExportUsers": {"fate": "vanish"}})
    task_id = client.export_users([NEIGHBOUR]).task_id
    with pytest.raises(NotFound):
        client.get_task(task_id)


def test_the_first_file_that_has_a_fault_decides(tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    faults = Faults([str(first), str(second)])
    second.write_text('{"calls": {"GetApp": {"error": 503, "times": 1}}, "tasks": {"ExportUsers": {"fate": "hang"}}}')

    assert faults.of_task("ExportUsers", ["a"]) == "hang"
    first.write_text('{"calls": {"GetApp": {"error": 500, "times": 1}}, "tasks": {"ExportUsers": {"fate": "fail"}}}')
    assert faults.of_task("ExportUsers", ["a"]) == "fail"
    assert [faults.of_call("GetApp").get("error") for _ in range(3)] == [500, 503, None]


def test_a_save_that_is_half_done_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    faults = Faults([str(file)])
    file.write_text('{"tasks": {"ExportUsers": {"fate": "hang"}}}')
    assert faults.of_task("ExportUsers", ["a"]) == "hang"

    file.write_text('{"tasks": {')
    assert faults.of_task("ExportUsers", ["a"]) == "hang"
    assert faults.of_call("ExportUsers") == {}
    file.write_text("{}")
    assert faults.of_task("ExportUsers", ["a"]) == ""


def test_a_restart_forgets_nothing(tmp_path: Path, hands: Hands) -> None:
    """A task accepted by one process is carried out by the next one; users, limits and the truth log stay."""
    file = tmp_path / "sandbox.sqlite3"
    with running_sandbox(file=file, task_seconds=60, delete_users_per_minute=6) as before:
        task_id = ask(before, "POST", "/users/delete", {"user_ids": [SUBJECT], **HARD}).json()["task_id"]
        calls = before.calls()
    hands.at += 30
    with running_sandbox(file=file, task_seconds=60, delete_users_per_minute=6) as after:
        task = ask(after, "GET", f"/tasks/{task_id}").json()
        assert (task["status"], after.calls()) == ("running", calls)
        left_over = ask(after, "POST", "/users/delete", {"user_ids": [NEIGHBOUR]}).headers["X-RateLimit-Remaining"]
        hands.at += 30
        assert ask(after, "GET", f"/tasks/{task_id}").json()["status"] == "completed"
        assert left(after, SUBJECT)["messages"] == 0
    assert left_over == "4"


def test_a_second_softer_delete_brings_nobody_back(stand_in: StandIn) -> None:
    done(stand_in, "/users/delete", {"user_ids": [SUBJECT], **HARD})
    ask(stand_in, "POST", "/users/delete", {"user_ids": [SUBJECT]})

    assert ask(stand_in, "POST", "/users/restore", {"user_ids": [SUBJECT]}).status_code == 404
