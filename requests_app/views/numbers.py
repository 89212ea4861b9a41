"""Whole numbers that a request carries: hidden fields, addresses."""

from __future__ import annotations

# Sequence numbers and ids fit into 64 bits.
ID_DIGITS = 18


def number_or_none(text: str, *, most_digits: int = 9) -> int | None:
    """The number, or None for anything that is none, or that is longer than those of the portal's own pages."""
    return int(text) if text.isdecimal() and len(text) <= most_digits else None
