"""Small files that several processes write and read at the same time: each sees the old one or the new one, whole."""

from __future__ import annotations

import secrets
from pathlib import Path


def replace_text(file: Path, text: str) -> None:
    """Put the text in the file's place at once. Raises `OSError`; then the old file stands, and nothing beside it.

    Each writer fills a file of its own: under one name for all of them, the first to finish would take away what the
    second is still writing.
    """
    fresh = file.with_name(f"{file.name}.{secrets.token_hex(8)}.new")
    try:
        # Made here, never somebody else's, and with the rights that any new file gets.
        with fresh.open("x", encoding="utf-8") as writing:
            writing.write(text)
        fresh.replace(file)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
