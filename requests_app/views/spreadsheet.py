"""Tables as files that spreadsheets open: CSV in UTF-8, in which no cell is a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

CONTENT_TYPE = "text/csv; charset=utf-8"
# At the beginning of a file it tells spreadsheets that this is UTF-8.
MARK = "\ufeff"


class _Echo:
    """What the CSV writer writes to: hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """The rows as the lines of a file, the mark first, each made when it is asked for."""
    writer = csv.writer(_Echo())
    yield MARK
    for row in rows:
        yield writer.writerow(["" if cell is None else harmless(str(cell)) for cell in row])


def harmless(cell: str) -> str:
    """The text, unless a spreadsheet would take it for a formula: then with an apostrophe before it (OWASP)."""
    return f"'{cell}" if cell.lstrip()[:1] in {"=", "+", "-", "@"} or cell[:1] in {"\t", "\r", "\n"} else cell
