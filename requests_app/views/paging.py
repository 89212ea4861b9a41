"""Back and on in a list, by the last row seen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pager:
    """Where the list goes on; an empty URL is an end. `first` leads back, `next` leads on."""

    words: str
    first: str = ""
    next: str = ""
    back_label: str = "First"
    next_label: str = "Next"
