"""What may stand in the text of a letter: named fields in braces, and nothing that runs. Imports no Django.

A field is replaced once, by its value as it is: what a value holds is never looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from requests_app.enums import Language

# Every field that a text may name, and what it stands for.
FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "greeting": "the salutation with the person's name, or without where it is not known",
        "person_name": "the person's name",
        "reference": "the number of the ticket",
        "received_on": "the day on which the request reached us",
        "due_on": "the legal deadline",
        "today": "the day of the letter",
        "what_was_done": "what was done, a line for each kind of data",
        "what_stays": "what stays behind",
        "reason": "the reason, in words of the law and of whoever decided",
        "authority": "the supervisory authority (SUPERVISORY_AUTHORITY)",
        "court": "the right to a court (COURT)",
        "controller": "who is responsible (CONTROLLER_NAME)",
    }
)
_FIELD = re.compile(r"\{([a-z_]+)\}")
_ODD = re.compile(r"\{[^{}\n]{0,40}\}?|\}")
_ENGLISH = "January February March April May June July August September October November December"
_GERMAN = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
_MONTHS = {Language.ENGLISH: tuple(_ENGLISH.split(" ")), Language.GERMAN: tuple(_GERMAN.split(" "))}


def problem(text: str) -> str:
    """What is wrong with the fields of a text, in a sentence; empty where nothing is."""
    for name in _FIELD.findall(text):
        if name not in FIELDS:
            return f"There is no field {{{name}}}. Use one of: {', '.join(f'{{{field}}}' for field in FIELDS)}."
    odd = _ODD.search(_FIELD.sub("", text))
    if odd:
        return f"“{odd[0]}” is no field. Write fields like {{reference}}, and no other braces."
    return ""


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its fields replaced; a field without a value stays as it is, to be seen."""
    return _FIELD.sub(lambda found: values.get(found[1], found[0]), text)


def left_over(text: str) -> list[str]:
    """The fields that still stand in a letter."""
    return [name for name in _FIELD.findall(text) if name in FIELDS]


def day(moment: date, language: Language) -> str:
    """A date as people write it."""
    month = _MONTHS[language][moment.month - 1]
    return f"{moment.day}{'.' if language is Language.GERMAN else ''} {month} {moment.year}"
