"""Stream's answers, read leniently: what is missing or unknown never breaks the reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests_app.stream import wire
from requests_app.stream.wire import TaskState

KEYS = "task_id status result error app users id name organization created_at deleted_at url description type".split()  # noqa: SIM905
MOMENT = datetime(2026, 5, 8, tzinfo=UTC)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["completed", "failed"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=6),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.sampled_from(KEYS) | st.text(), JSON, max_size=8)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (1_778_198_400_000_000_000, MOMENT),
        (1_778_198_400_123_456_789, MOMENT + timedelta(microseconds=123_456)),
        (1.7781984e18, MOMENT),
        ("2026-05-08T00:00:00Z", MOMENT),
        ("2026-05-08T00:00:00.123456789Z", MOMENT + timedelta(microseconds=123_456)),
        ("2026-05-08T00:00:00.1234567891234Z", MOMENT + timedelta(microseconds=123_456)),
        ("2026-05-08T00:00:00.5Z", MOMENT + timedelta(microseconds=500_000)),
        (" 2026-05-08T02:00:00+02:00 ", MOMENT.astimezone(timezone(timedelta(hours=2)))),
        ("2026-05-08T00:00:00", MOMENT),
        ("2026-05-08", MOMENT),
    ],
)
def test_it_reads_nanoseconds_and_rfc_3339(value: object, found: datetime) -> None:
    assert wire.moment(value) == found


@pytest.mark.parametrize(
    "value",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00",
        -62_135_596_800_000_000_000,
        0,
        0.0,
        10**30,
        -(10**30),
        float("nan"),
        float("inf"),
        True,
        False,
        None,
        "",
        "soon",
        "1778198400000000000",
        "2026-13-40T00:00:00Z",
        [],
        {},
    ],
)
def test_zero_and_unreadable_times_are_no_time(value: object) -> None:
    assert wire.moment(value) is None


@given(JSON)
def test_any_time_is_none_or_knows_its_zone(value: object) -> None:
    found = wire.moment(value)

    assert found is None or found.tzinfo is not None


@pytest.mark.parametrize(
    ("value", "found"),
    [("abcdef", "abc"), ("ab", "ab"), (12345, "123"), (True, ""), (None, ""), (1.5, ""), ([], ""), ({}, "")],
)
def test_texts_are_cut_and_numbers_become_texts(value: object, found: str) -> None:
    assert wire.text(value, 3) == found


def test_it_reads_a_task_id_and_passes_over_the_rest() -> None:
    assert wire.accepted({"task_id": "t-1", "duration": "1ms", "new_field": [{}]}) == wire.Accepted("t-1")
    bodies: list[dict[str, object]] = [{}, {"task_id": ""}, {"task_id": None}, {"task_id": ["t"]}, {"duration": "1ms"}]
    for body in bodies:
        with pytest.raises(wire.Unreadable):
            wire.accepted(body)


@pytest.mark.parametrize("task_id", ["t", "6f1b0c0e-9d7e-4c55-9a52-0f7f7e1d2a3b", "v2:a_b.c", "1" * 100])
def test_a_plain_token_is_a_task_id(task_id: str) -> None:
    assert wire.accepted({"task_id": task_id}) == wire.Accepted(task_id)


@pytest.mark.parametrize(
    "task_id",
    [
        "..",
        ".",
        "-",
        "x" * 101,
        "x" * 5_000,
        "a\r\nb",
        "a\n",
        "a/b",
        "a?b",
        "%2e%2e",
        "a b",
        "é",
        "\x00",
        "\ud800",
        7,
        True,
    ],
)
def test_anything_else_is_none(task_id: object) -> None:
    with pytest.raises(wire.Unreadable):
        wire.accepted({"task_id": task_id})


def test_what_cannot_be_stored_is_replaced_wherever_it_stands() -> None:
    dirty = {"a\x00": ["b\ud800", {"c": "\udfffd"}, 7, None, True, 1.5], "whole": "😀\n é"}

    assert wire.storable(dirty) == {"a�": ["b�", {"c": "�d"}, 7, None, True, 1.5], "whole": "😀\n é"}


def test_it_reads_whose_key_it_is_and_keeps_no_secret() -> None:
    app = {"id": 7, "name": "Chat", "organization": "Us", "sqs_secret": "CANARY-sqs", "event_hooks": [{"x": 1}]}

    found = wire.app_info({"app": app})

    assert found == wire.AppInfo("7", "Chat", "Us")
    assert "CANARY" not in repr(found)
    bodies: list[dict[str, object]] = [{}, {"app": None}, {"app": {}}, {"app": []}]
    for body in bodies:
        with pytest.raises(wire.Unreadable):
            wire.app_info(body)


def test_it_reads_users_and_leaves_out_what_has_no_id() -> None:
    rows: list[Any] = [
        {"id": "a", "name": "A", "created_at": 1_778_198_400_000_000_000, "deleted_at": None, "teams": []},
        {"id": "b", "deactivated_at": "2026-05-08T00:00:00Z", "name": None},
        {"name": "nobody"},
        None,
        "text",
    ]

    assert wire.users({"users": rows}) == (
        wire.RemoteUser("a", "A", created_at=MOMENT),
        wire.RemoteUser("b", deactivated_at=MOMENT),
    )
    for body in ({}, {"users": None}, {"users": {"a": {"id": "a"}}}):
        with pytest.raises(wire.Unreadable):
            wire.users(body)


@pytest.mark.parametrize("word", ["waiting", "pending", "running", "paused-by-moon", "complete", "error", "7"])
def test_any_word_but_the_two_final_ones_means_still_going(word: str) -> None:
    report = wire.task_report({"status": word, "result": {"a": {"status": "ok"}}, "error": None}, "t-1")

    assert (report.task_id, report.status, report.state) == ("t-1", word, TaskState.GOING)
    assert (report.user_results, report.url, report.error) == (None, None, "")


@pytest.mark.parametrize("word", ["completed", "Completed", "COMPLETED"])
def test_it_reads_the_outcome_of_each_user(word: str) -> None:
    result = {"a": {"status": "ok"}, "b": {"status": "error"}, "c": {}, "d": "ok"}

    report = wire.task_report({"status": word, "result": result}, "t-1")

    assert report.state is TaskState.COMPLETED
    assert dict(report.user_results or {}) == {"a": "ok", "b": "error"}
    with pytest.raises(TypeError):
        report.user_results["a"] = "changed"  # type: ignore[index]


@pytest.mark.parametrize("result", [None, {}, [], "done", {"deleted_feed": 2}, {"url": "https://files.example/x"}])
def test_a_completed_task_may_name_no_user_at_all(result: object) -> None:
    report = wire.task_report({"status": "completed", "result": result}, "t-1")

    assert report.state is TaskState.COMPLETED
    assert report.user_results is None


def test_it_reads_the_link_of_an_export() -> None:
    report = wire.task_report({"status": "completed", "result": {"url": "https://files.example/x?sig=1"}}, "t-1")

    assert report.url == "https://files.example/x?sig=1"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"type": "internal", "description": "it broke", "stacktrace": "x"}}, "it broke"),
        ({"error": {"type": "internal"}}, "internal"),
        ({"error": {"type": "internal", "description": ""}, "result": {"description": "late"}}, "internal"),
        ({"error": {}, "result": {"description": "told in the result"}}, "told in the result"),
        ({"error": None, "result": {"description": "told in the result"}}, "told in the result"),
        ({"error": "plain text"}, ""),
        ({}, ""),
    ],
)
def test_a_failed_task_tells_why_in_either_place(body: dict[str, object], words: str) -> None:
    report = wire.task_report({"status": "failed", **body}, "t-1")

    assert (report.state, report.error) == (TaskState.FAILED, words)


@pytest.mark.parametrize("body", [{}, {"status": ""}, {"status": None}, {"status": ["completed"]}, {"task_id": "t"}])
def test_a_task_without_a_status_is_unreadable(body: dict[str, object]) -> None:
    with pytest.raises(wire.Unreadable):
        wire.task_report(body, "t-1")


READERS: list[tuple[Callable[[Mapping[str, object]], object], type]] = [
    (wire.accepted, wire.Accepted),
    (wire.app_info, wire.AppInfo),
    (wire.users, tuple),
    (lambda body: wire.task_report(body, "t-1"), wire.TaskReport),
]


@pytest.mark.parametrize(("read", "kind"), READERS, ids=["accepted", "app_info", "users", "task_report"])
@given(body=OBJECTS)
def test_any_object_is_read_or_unreadable(
    read: Callable[[Mapping[str, object]], object], kind: type, body: dict[str, object]
) -> None:
    try:
        found = read(body)
    except wire.Unreadable:
        return
    assert isinstance(found, kind)
