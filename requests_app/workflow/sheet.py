"""A CSV file with many requests: its columns, and what each row amounts to (docs/import.md).

Every complaint names the line of the file and the column. Rules of plans and dates are asked where they stand; here
are only the words of a cell.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from requests_app.enums import Channel, Ground, Kind, Mode, Term
from requests_app.workflow import deadlines, intake, policies, presets
from requests_app.workflow import plan as plans
from requests_app.workflow.plan import Plan, Problem

MAX_ROWS = 10_000
# Bytes.
MAX_SIZE = 5 * 1024 * 1024
REQUIRED = ("request", "user_ids", "received_on")
_FLAGS = ("files", "copy_first", "export_user_data", "export_feeds_data")
COLUMNS = (
    *REQUIRED,
    "channel",
    "requester_name",
    "requester_email",
    "preset",
    *plans.MODES,
    *_FLAGS,
    *plans.OWNERS,
    "ground",
    "note",
)
_YES, _NO = {"yes", "true", "1", "x"}, {"", "no", "false", "0"}
_GERMAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One request of the file. `line` is the line of the file on which the row begins, counted from 1."""

    line: int
    plan: Plan | None = None
    received_on: date | None = None
    channel: Channel = Channel.OTHER
    requester_name: str = ""
    requester_email: str = ""
    ground: str = ""
    note: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass
class _Cells:
    """The cells of one row by their columns, and what is wrong with them so far."""

    values: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def text(self, name: str) -> str:
        return self.values.get(name, "")

    def complain(self, name: str, sentence: str) -> None:
        self.problems.append(Problem(name, sentence))

    def short(self, name: str, most: int) -> str:
        if len(self.text(name)) > most:
            self.complain(name, intake.too_long(most))
        return self.text(name)[:most]

    def term(self, name: str, vocabulary: type[Term], default: str) -> str:
        word = self.text(name).lower() or default
        if word in set(vocabulary) or word == "":
            return word
        known = ", ".join(term.value for term in vocabulary)
        self.complain(name, _("“%(word)s” is not known here. Write one of %(known)s.") % {"word": word, "known": known})
        return default

    def flag(self, name: str, default: bool = False) -> bool:
        word = self.text(name).lower()
        if word in _YES:
            return True
        if word not in _NO:
            self.complain(name, _("Write yes or no."))
        return default if word == "" else False


def decode(data: bytes) -> str:
    """The text of a file in UTF-8, with or without a byte order mark; raises `UnableTo` with what to do."""
    if len(data) > MAX_SIZE:
        raise _unfit(_("The file is larger than 5 MB. Split it into several."))
    if data.startswith(_UTF16) or (len(data) > 3 and (data[1:4:2] == b"\0\0" or data[0:3:2] == b"\0\0")):
        raise _unfit(_("The file is in UTF-16. Save it as “CSV UTF-8” and upload it again."))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _unfit(
            _("Line %(line)d: this is not UTF-8. Save the file as “CSV UTF-8” and upload it again.") % {"line": line}
        ) from None
    if "\0" in text:
        raise _unfit(_("The file holds zero bytes, so it is no CSV file. Save it as “CSV UTF-8”."))
    return text


def _unfit(sentence: str) -> policies.UnableTo:
    return policies.UnableTo(sentence, field="file")


@dataclass(frozen=True)
class Sheet:
    """The rows of a file that are not blank, as they were written: judging them takes far longer than reading them."""

    names: list[str]
    # The line on which each row begins, and its cells.
    rows: list[tuple[int, list[str]]]

    def __len__(self) -> int:
        return len(self.rows)

    def judge(self, start: int, stop: int, *, today: date) -> list[Row]:
        """What those rows amount to, by their places from 0 on."""
        return [_row(line, self.names, cells, today) for line, cells in self.rows[start:stop]]

    def first_lines(self) -> dict[tuple[str, str], int]:
        """The line that asks first for each kind and user id."""
        first: dict[tuple[str, str], int] = {}
        for line, cells in self.rows:
            held = _Cells(dict(zip(self.names, cells, strict=False)))
            kind = held.term("request", Kind, "")
            for user_id in user_ids(held.text("user_ids")) if kind else ():
                first.setdefault((kind, user_id), line)
        return first


def parse(text: str) -> Sheet:
    """The rows of a file; raises `UnableTo` where the file as a whole cannot be read."""
    lines = _lines(text)
    header = next(lines, None)
    if header is None:
        raise _unfit(_("The file is empty."))
    found = Sheet(_header(header[1]), list(islice(lines, MAX_ROWS)))
    if next(lines, None):
        raise _unfit(_("The file has more than 10,000 requests. Split it into several."))
    if not found.rows:
        raise _unfit(_("The file has a header and no request below it."))
    return found


def read(text: str, *, today: date) -> list[Row]:
    """What every row that is not blank amounts to; raises what `parse` raises."""
    found = parse(text)
    return found.judge(0, len(found), today=today)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank: the line on which each begins, and its cells without blanks around them."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    begins = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            raise _unfit(
                _("Line %(line)d: a quotation mark opens and does not close as it should. Correct the line.")
                % {"line": begins}
            ) from None
        if cells is None:
            return
        stripped = [cell.strip() for cell in cells]
        if any(stripped):
            yield begins, stripped
        begins = reader.line_num + 1


def _delimiter(text: str) -> str:
    """`;` or `,`: that of the two of which the first line has more."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    return ";" if first.count(";") > first.count(",") else ","


def _header(cells: list[str]) -> list[str]:
    names = [cell.lower().replace(" ", "_") for cell in cells]
    while names and not names[-1]:
        names.pop()
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        words = {"name": unknown[0][:40], "known": ", ".join(COLUMNS)}
        raise _unfit(_("There is no column “%(name)s”. The columns are %(known)s.") % words)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise _unfit(_("The column “%(name)s” stands there twice. Remove one.") % {"name": twice[0]})
    for name in REQUIRED:
        if name not in names:
            raise _unfit(_("The column “%(name)s” is missing. Add it to the first line.") % {"name": name})
    return names


def _row(line: int, names: list[str], cells: list[str], today: date) -> Row:
    held = _Cells(dict(zip(names, cells, strict=False)))
    if any(cells[len(names) :]):
        held.complain("", _("The row has more cells than the header. Put texts that hold the separator in quotes."))
    plan, received_on = _plan(held), _received_on(held, today)
    return Row(
        line=line,
        plan=plan,
        received_on=received_on,
        channel=Channel(held.term("channel", Channel, Channel.OTHER.value)),
        requester_name=held.short("requester_name", intake.MAX_NAME),
        requester_email=_email(held),
        ground=held.term("ground", Ground, ""),
        note=held.short("note", intake.MAX_NOTE),
        problems=tuple(held.problems),
    )


def user_ids(cell: str) -> tuple[str, ...]:
    """The ids of a cell: one a line, or with a bar between them. Capital letters are kept as they are."""
    return tuple(part.strip() for part in re.split(r"[\r\n|]+", cell) if part.strip())


def _plan(held: _Cells) -> Plan | None:
    kind = held.term("request", Kind, "")
    if not kind:
        if not held.text("request"):
            held.complain("request", _("Write export or erase."))
        return None
    chosen = _choices(held, Kind(kind)) | {name: held.text(name) for name in plans.OWNERS}
    plan = Plan(kind=Kind(kind), user_ids=user_ids(held.text("user_ids")), **chosen)
    held.problems += plans.problems(plan)
    return plan


def _choices(held: _Cells, kind: Kind) -> dict[str, Any]:
    """Modes and flags of the plan: what the cells say, else what the preset says."""
    preset = presets.BY_NAME.get(held.text("preset").lower())
    if held.text("preset") and (preset is None or kind is Kind.EXPORT):
        known = ", ".join(presets.BY_NAME)
        held.complain("preset", _("A preset is for an erasure, and one of %(known)s.") % {"known": known})
    chosen: dict[str, Any] = {}
    for name in plans.MODES:
        default = preset.modes[name] if preset else Mode.KEEP
        chosen[name] = Mode(held.term(name, Mode, default.value))
    chosen["files"] = held.flag("files", default=bool(preset and preset.files))
    chosen["copy_first"] = held.flag("copy_first")
    # An export of everything, unless one of the two is named.
    everything = kind is Kind.EXPORT and not (held.text("export_user_data") or held.text("export_feeds_data"))
    for name in ("export_user_data", "export_feeds_data"):
        chosen[name] = held.flag(name, default=everything)
    return chosen


def _received_on(held: _Cells, today: date) -> date | None:
    text = held.text("received_on")
    german = _GERMAN.fullmatch(text)
    try:
        if german:
            day = date(int(german[3]), int(german[2]), int(german[1]))
        else:
            day = datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        held.complain("received_on", _("This is no date. Write it like 2026-11-23 or 23.11.2026."))
        return None
    late = deadlines.check_received_on(day, today)
    if late:
        held.complain("received_on", late)
    return day


def _email(held: _Cells) -> str:
    text = held.short("requester_email", intake.MAX_EMAIL)
    if intake.is_email_or_empty(text):
        return text
    held.complain("requester_email", intake.NO_EMAIL)
    return ""


def template() -> str:
    """A file to begin with: the columns, and a row of each kind."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    writer.writerow(
        {"request": "erase", "user_ids": "user-1", "received_on": "2026-11-23", "channel": "email"}
        | {"preset": "everything", "copy_first": "yes", "note": "An example. Remove this row."}
    )
    writer.writerow(
        {"request": "export", "user_ids": "user-2|user-3", "received_on": "2026-11-23", "channel": "form"}
        | {"note": "An example. Remove this row."}
    )
    return out.getvalue()
