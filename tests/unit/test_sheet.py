"""The CSV file of many requests: every row as it is meant, or a sentence with its line and column."""

from __future__ import annotations

from datetime import date

import pytest

from requests_app.enums import Channel, Kind, Mode
from requests_app.workflow import policies, sheet
from requests_app.workflow.sheet import Row

TODAY = date(2026, 11, 25)
HEAD = "request,user_ids,received_on"


def rows(*lines: str, head: str = HEAD, end: str = "\n") -> list[Row]:
    return sheet.read(end.join((head, *lines)), today=TODAY)


def complaints(*lines: str, head: str = HEAD) -> list[tuple[int, str]]:
    return [(row.line, problem.field) for row in rows(*lines, head=head) for problem in row.problems]


def test_an_erasure_by_preset_and_an_export_of_everything() -> None:
    erase, export = rows(
        "erase,u_1,2026-11-23,everything,yes",
        "Export , u_2|U_2 ,23.11.2026,,",
        head=f"{HEAD},preset,copy_first",
    )

    assert erase.problems == export.problems == ()
    assert erase.plan is not None
    assert (erase.plan.user, erase.plan.calls, erase.plan.files) == (Mode.HARD, Mode.HARD, True)
    assert erase.plan.copy_first
    assert export.plan is not None
    assert (export.plan.kind, export.plan.user_ids) == (Kind.EXPORT, ("u_2", "U_2"))
    assert export.plan.export_user_data
    assert export.plan.export_feeds_data
    assert erase.received_on == export.received_on == date(2026, 11, 23)


def test_a_cell_goes_before_the_preset() -> None:
    (row,) = rows("erase,u,2026-11-23,everything,soft,no", head=f"{HEAD},preset,calls,files")

    assert row.plan is not None
    assert (row.plan.calls, row.plan.files, row.plan.user) == (Mode.SOFT, False, Mode.HARD)


def test_semicolons_a_byte_order_mark_and_windows_lines() -> None:
    text = sheet.decode("\ufeffrequest;user_ids;received_on;note\r\nexport;Zoë,K;2026-11-23;„a; b“\r\n".encode())
    assert sheet.read(text.replace("„a; b“", '"a; b"'), today=TODAY)[0].note == "a; b"


def test_blanks_are_trimmed_blank_lines_skipped_and_lines_counted() -> None:
    found = rows("", " export , a , 2026-11-23 ", ",,", '"export"," b\nc ",2026-11-23', "export,d,2026-11-23")

    assert [row.line for row in found] == [3, 5, 7]
    assert [row.plan.user_ids for row in found if row.plan] == [("a",), ("b", "c"), ("d",)]


def test_capital_letters_are_kept() -> None:
    (row,) = rows("EXPORT,MiXeD,2026-11-23,E-MAIL".replace("E-MAIL", "EMAIL"), head=f"{HEAD},channel")

    assert row.plan is not None
    assert (row.plan.user_ids, row.channel) == (("MiXeD",), Channel.EMAIL)


@pytest.mark.parametrize(
    ("head", "line", "field"),
    [
        (HEAD, "move,a,2026-11-23", "request"),
        (HEAD, ",a,2026-11-23", "request"),
        (HEAD, "export,,2026-11-23", "user_ids"),
        (HEAD, "export,a|a,2026-11-23", "user_ids"),
        (HEAD, "export,..,2026-11-23", "user_ids"),
        (HEAD, "export,a,yesterday", "received_on"),
        (HEAD, "export,a,31.02.2026", "received_on"),
        (HEAD, "export,a,2026-11-26", "received_on"),
        (HEAD, "export,a,2017-01-01", "received_on"),
        (HEAD, "erase,a,2026-11-23", "user"),
        (f"{HEAD},preset", "erase,a,2026-11-23,all", "preset"),
        (f"{HEAD},preset", "export,a,2026-11-23,everything", "preset"),
        (f"{HEAD},user,messages", "erase,a,2026-11-23,hard,soft", "messages"),
        (f"{HEAD},user", "erase,a,2026-11-23,hardest", "user"),
        (f"{HEAD},copy_first", "erase,a,2026-11-23,perhaps", "copy_first"),
        (f"{HEAD},channel", "export,a,2026-11-23,pigeon", "channel"),
        (f"{HEAD},ground", "export,a,2026-11-23,17_9", "ground"),
        (f"{HEAD},requester_email", "export,a,2026-11-23,nowhere", "requester_email"),
        (f"{HEAD},note", f"export,a,2026-11-23,{'x' * 4001}", "note"),
        (HEAD, "export,a,2026-11-23,more", ""),
        (f"{HEAD},user", "erase,a,2026-11-23,", "user"),
    ],
)
def test_a_complaint_names_line_and_column(head: str, line: str, field: str) -> None:
    assert (2, field) in complaints(line, head=head)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "empty"),
        (HEAD.encode(), "no request below"),
        (HEAD.encode("utf-16"), "UTF-16"),
        (HEAD.encode("utf-16-le"), "UTF-16"),
        (HEAD.encode("utf-16-be"), "UTF-16"),
        (f"{HEAD}\nexport,a,2026-11-23\nexport,J".encode() + b"\xf6rg,2026-11-23", "Line 3"),
        (b"request,user_ids,received_on\nexport,a\0b,2026-11-23", "zero bytes"),
        (b"x" * (sheet.MAX_SIZE + 1), "larger than 5 MB"),
        (b"request,user_ids\nexport,a", "“received_on” is missing"),
        (b"request,user_ids,received_on,shoe\nexport,a,2026-11-23,", "no column “shoe”"),
        (b"request,user_ids,received_on,note,note\nexport,a,2026-11-23,,", "stands there twice"),
        (b'request,user_ids,received_on\nexport,a,2026-11-23\nexport,"b,2026-11-23', "Line 3"),
        (f"{HEAD}\n{'export,a,2026-11-23' + chr(10)}".encode() + b"export,a,2026-11-23\n" * 10_000, "10,000"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(data: bytes, sentence: str) -> None:
    with pytest.raises(policies.UnableTo, match=r".") as refusal:
        sheet.read(sheet.decode(data), today=TODAY)

    assert sentence in str(refusal.value)
    assert refusal.value.field == "file"


def test_the_template_is_a_file_that_holds() -> None:
    found = sheet.read(sheet.template(), today=TODAY)

    assert [row.problems for row in found] == [(), ()]
    assert not any(line.startswith(("=", "+", "-", "@")) for line in sheet.template().splitlines())
