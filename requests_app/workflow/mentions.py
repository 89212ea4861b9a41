"""`@username` in a text: where one stands, and where it is only an e-mail address. Imports no Django.

A user name may hold letters, digits and `@.+-_` (Django); a full stop behind one belongs to the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_MENTION = re.compile(r"(?<![\w.+@/-])@(\w[\w.+@-]*)")
_SENTENCE = ".+-@"


@dataclass(frozen=True)
class Part:
    """A piece of a text: words, or the name of somebody it mentions (`name`, without the @)."""

    text: str
    name: str = ""


def candidates(text: str) -> frozenset[str]:
    """Every user name that the text may mean: with and without the signs behind it."""
    found = [match[1] for match in _MENTION.finditer(text)]
    return frozenset(name for whole in found for name in (whole, whole.rstrip(_SENTENCE)))


def parts(text: str, known: Collection[str]) -> Iterator[Part]:
    """The text in pieces, those that mention somebody known told apart."""
    end = 0
    for match in _MENTION.finditer(text):
        name = _known(match[1], known)
        if name:
            yield Part(text[end : match.start()])
            yield Part(f"@{name}", name)
            end = match.start() + 1 + len(name)
    yield Part(text[end:])


def unknown(text: str, known: Collection[str]) -> str:
    """The first mention of nobody known, or an empty text."""
    for match in _MENTION.finditer(text):
        if not _known(match[1], known):
            return match[1].rstrip(_SENTENCE)
    return ""


def _known(whole: str, known: Collection[str]) -> str:
    return next((name for name in (whole, whole.rstrip(_SENTENCE)) if name in known), "")
