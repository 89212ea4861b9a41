"""Checking a whole chain, and saying what was found. Imports no Django: it runs wherever the data was carried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from requests_app.audit import chain
from requests_app.audit.chain import GENESIS, Break, Entry

REPORT_EVERY = 10_000


@dataclass(frozen=True)
class Report:
    """Up to which entry the chain holds, the hash of that one, and the first place that does not.

    `after` is the entry the check began behind: 0 where it was the whole chain.
    """

    count: int
    head: str
    first_break: Break | None
    after: int = 0

    @property
    def intact(self) -> bool:
        """Whether everything that was looked at holds."""
        return self.first_break is None

    def __str__(self) -> str:
        if self.first_break is not None and self.first_break.rule:
            return f"The chain is intact and tells what may not be: {self.first_break.why}."
        if self.first_break is not None:
            return f"The chain is broken: {self.first_break.why}."
        if self.after:
            looked_at = self.count - self.after
            return f"The newest {looked_at:,} of {self.count:,} entries are intact, head {self.head[:16]}…"
        return f"The chain is intact: {self.count:,} entries, head {self.head[:16]}…"


def verify(
    entries: Iterable[tuple[Entry, str]],
    *,
    start: tuple[int, str] = (0, GENESIS),
    expected: tuple[int, str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Walk the entries in their order, all of them unless `start` says behind which entry (sequence and hash).

    `expected` is a head that was known before (sequence and hash): a chain that does not reach it was cut or
    rewritten. `progress` is told the count now and then.
    """
    count, head = start
    known_held = expected is None or expected == start

    def watched() -> Iterator[tuple[Entry, str]]:
        nonlocal count, head, known_held
        for entry, stored in entries:
            yield entry, stored
            count, head = entry.seq, stored
            if expected and entry.seq == expected[0]:
                known_held = stored == expected[1]
            if progress and count % REPORT_EVERY == 0:
                progress(count)

    try:
        first = next(chain.breaks(watched(), seq=count, head=head), None)
    except (AttributeError, TypeError, ValueError):
        # What the log never writes (a fraction, a broken date) has no canonical form to compare.
        first = Break(count + 1, f"entry {count + 1} was altered")
    if first is None and expected and not known_held:
        why = "entries were removed at the end" if count < expected[0] else "the chain was rewritten"
        first = Break(min(count, expected[0]) or 1, why)
    return Report(count, head, first, start[0])


def altered_texts(texts: Iterable[tuple[int, str, str, str | None, str | None]]) -> Iterator[Break]:
    """Texts that do not fit their commitment: (sequence, name, salt, text, commitment in the entry).

    A text of None is there but cannot be read.
    """
    for seq, name, salt, text, committed in texts:
        if text is None:
            yield Break(seq, f"the text “{name}” beside entry {seq} cannot be read, or was altered")
        elif committed is None or _committed_to(salt, text) != committed:
            yield Break(seq, f"the text “{name}” beside entry {seq} was altered")


def _committed_to(salt: str, text: str) -> str:
    try:
        return chain.commitment(salt, text)
    except ValueError:
        return ""
