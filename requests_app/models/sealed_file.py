"""Files that are encrypted at rest, piece by piece: AES-256-GCM under a key of each file's own.

The key stands in the file's row, sealed under FIELD_KEY; without it the file is gone, wherever a copy of it lies.
A piece's nonce is its number and whether it is the last: pieces that were swapped, left out or cut off do not open.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

# Bytes of clear text in a piece, and what encryption adds to each.
PIECE = 64 * 1024
TAG = 16


class UnreadableFile(Exception):
    """The file is not there, or is not what was written."""

    def __init__(self) -> None:
        super().__init__("The stored file cannot be read: it is missing or was damaged.")


def folder() -> Path:
    """Where the files lie; only the portal's own account may look into it."""
    path = Path(settings.FILES_FOLDER)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def fresh_name() -> str:
    """A name that tells nothing: 32 hexadecimal digits."""
    return secrets.token_hex(16)


def fresh_key() -> str:
    """A key for one file, as text."""
    return AESGCM.generate_key(bit_length=256).hex()


def write(name: str, key: str, chunks: Iterable[bytes]) -> None:
    """Write a new file and return once it survives a power cut. Whatever goes wrong, nothing is left of it."""
    path = folder() / name
    cipher = AESGCM(bytes.fromhex(key))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for number, (piece, last) in enumerate(_pieces(chunks)):
                file.write(cipher.encrypt(_nonce(number, last=last), piece, None))
            file.flush()
            os.fsync(file.fileno())
        _keep_folder()
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def read(name: str, key: str) -> Iterator[bytes]:
    """The clear text, piece by piece; raises `UnreadableFile` at once where there is no such file."""
    path = folder() / name
    if not path.is_file():
        raise UnreadableFile
    return _opened(path, AESGCM(bytes.fromhex(key)))


def remove(name: str) -> None:
    """Take the file away, if it is there."""
    (folder() / name).unlink(missing_ok=True)


def stored() -> Iterator[tuple[str, float]]:
    """Every file that lies there, with the moment it was last written (seconds since 1970)."""
    with os.scandir(folder()) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                yield entry.name, entry.stat().st_mtime


def _opened(path: Path, cipher: AESGCM) -> Iterator[bytes]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        number, taken = 0, 0
        while True:
            piece = file.read(PIECE + TAG)
            taken += len(piece)
            last = taken >= size
            try:
                yield cipher.decrypt(_nonce(number, last=last), piece, None)
            except (InvalidTag, ValueError):
                raise UnreadableFile from None
            if last:
                return
            number += 1


def _pieces(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The same bytes in pieces of one size, each with whether it is the last. An empty file is one empty piece."""
    rest = bytearray()
    for chunk in chunks:
        rest += chunk
        while len(rest) > PIECE:
            yield bytes(rest[:PIECE]), False
            del rest[:PIECE]
    yield bytes(rest), True


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _keep_folder() -> None:
    """A new file is only there for good once its folder was written, too."""
    descriptor = os.open(folder(), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
