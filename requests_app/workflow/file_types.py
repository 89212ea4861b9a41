"""Which files may be put on a ticket, told by their content. Imports no Django.

What a browser could run as a page (HTML, SVG, XML) and what holds other files (ZIP and what is built on it) is none of
them. The extension must agree with the content, since it is what opens the file on somebody's machine.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

KINDS = "PDF, PNG, JPEG, TXT, CSV or EML"
LONGEST_NAME = 120
# Control characters that no text has: everything below the blank but tab, line feed, form feed and carriage return.
_NO_TEXT = bytes(set(range(32)) - set(b"\t\n\f\r"))
_MARKUP = re.compile(rb"<\s*(!doctype|html|head|body|script|svg|iframe|\?xml|!--)|<\?", re.IGNORECASE)
_MAIL = re.compile(rb"[A-Za-z][A-Za-z0-9-]*:[ \t\r\n]")
_BOM = b"\xef\xbb\xbf"


class UnfitFile(Exception):
    """The file may not be put on a ticket. The text is fit for staff."""


@dataclass(frozen=True)
class FileType:
    """A kind of file: its media type, and how its content begins (nothing: it is text)."""

    media_type: str
    signature: bytes = b""


_JPEG = FileType("image/jpeg", b"\xff\xd8\xff")
BY_EXTENSION: Mapping[str, FileType] = MappingProxyType(
    {
        "pdf": FileType("application/pdf", b"%PDF-"),
        "png": FileType("image/png", b"\x89PNG\r\n\x1a\n"),
        "jpg": _JPEG,
        "jpeg": _JPEG,
        "txt": FileType("text/plain"),
        "csv": FileType("text/csv"),
        "eml": FileType("message/rfc822"),
    }
)


def type_of(name: str) -> FileType:
    """The kind that the extension of a name claims; raises `UnfitFile` where there is none that may come in."""
    stem, dot, extension = name.rpartition(".")
    found = BY_EXTENSION.get(extension.lower()) if stem and dot else None
    if found is None:
        raise UnfitFile(f"Only {KINDS} files can be added. Save it as one of these, a document as PDF.")
    return found


def checked(chunks: Iterable[bytes], kind: FileType) -> Iterator[bytes]:
    """The same chunks; raises `UnfitFile` as soon as the content is not of this kind."""
    first = True
    for chunk in chunks:
        if first:
            _check_beginning(chunk, kind)
            first = False
        if not kind.signature and len(chunk.translate(None, _NO_TEXT)) != len(chunk):
            raise _other(kind)
        yield chunk
    if first:
        raise UnfitFile("The file is empty.")


def _check_beginning(chunk: bytes, kind: FileType) -> None:
    if kind.signature:
        if not chunk.startswith(kind.signature):
            raise _other(kind)
        return
    text = chunk.removeprefix(_BOM).lstrip()
    if _MARKUP.match(text) or any(
        text.startswith(other.signature) for other in BY_EXTENSION.values() if other.signature
    ):
        raise _other(kind)
    if kind.media_type == "message/rfc822" and not _MAIL.match(text):
        raise _other(kind)


def _other(kind: FileType) -> UnfitFile:
    return UnfitFile(f"The content of this file is not {kind.media_type}, as its name says. Only {KINDS} can be added.")


def clean_name(typed: str) -> str:
    """The last part of a name without what could deceive: paths, control and direction characters, leading dots."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", typed))[-1]
    plain = "".join(" " if sign.isspace() else sign for sign in last if sign.isspace() or _is_visible(sign))
    name = " ".join(plain.split()).lstrip(". ")
    stem, dot, extension = name.rpartition(".")
    if not dot:
        return name[:LONGEST_NAME]
    return f"{stem[: LONGEST_NAME - len(extension) - 1].rstrip()}.{extension}"


def _is_visible(sign: str) -> bool:
    return unicodedata.category(sign)[0] != "C"
