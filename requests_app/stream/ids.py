"""User ids and task ids on their way into a path."""

from __future__ import annotations

from urllib.parse import quote

MAX_LENGTH = 255


def path_segment(identifier: str) -> str:
    """The id percent-encoded for a path; raises `ValueError` for ids that would change the path.

    `.` and `..` survive encoding and are folded away on the way out, an empty id names the collection.
    """
    if identifier in {"", ".", ".."} or len(identifier) > MAX_LENGTH:
        raise ValueError("This cannot be an id on Stream.")
    return quote(identifier, safe="")
