"""Signed checkpoints as text, in the forms that others read, too: C2SP signed-note and tlog-checkpoint.

A checkpoint is three lines (origin, number of entries, base64 of the Merkle root), an empty line, and one line for each
signature: `— name base64(key id || Ed25519 signature)`. Keys are written as there, too: the verifier's as
`name+hash+base64`, the signer's as `PRIVATE+KEY+name+hash+base64`. Imports no Django.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
_ROOT_BYTES = _SEED_BYTES = _KEY_BYTES = 32
_SIGNATURE_BYTES = 64
_PRIVATE = "PRIVATE+KEY+"
_SIGNED_BY = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_CHECKPOINT = re.compile(r"([^\n]+)\n(0|[1-9][0-9]*)\n([A-Za-z0-9+/]{43}=)\n(?:[^\n]+\n)*")
# A note inside other text: a mail, or a file of many notes.
_NOTE = re.compile(r"^[^\n]+\n(?:0|[1-9][0-9]*)\n[A-Za-z0-9+/]{43}=\n(?:[^\n]+\n)*\n(?:— [^\n]+(?:\n|\Z))+", re.M)


class Malformed(ValueError):
    """A text that is no note, no checkpoint or no key. Never holds the text itself, which may be a private key."""


def _decoded(text: str, what: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(f"{what} is not base64") from None
    # Unused bits at the end would give one note several spellings.
    if base64.b64encode(found).decode() != text:
        raise Malformed(f"{what} is not spelt as base64 is")
    return found


def _name(name: str) -> str:
    if not name or "+" in name or any(letter.isspace() or ord(letter) < 32 for letter in name):
        raise Malformed("a key needs a name without blanks and plus signs")
    return name


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


@dataclass(frozen=True)
class Verifier:
    """A public key by its name. Its text is what people compare and keep."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """A key from `name+hash+base64`; raises `Malformed` where hash and key do not belong together."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise Malformed("a verifier key is written name+hash+base64")
        name, digest, packed = parts
        key = _decoded(packed, "a verifier key")
        if key[:1] != ED25519 or len(key) != 1 + _KEY_BYTES:
            raise Malformed("only Ed25519 keys are known here")
        found = cls(_name(name), key[1:])
        if found.key_id.hex() != digest:
            raise Malformed("the hash of the verifier key is not that of its key: a letter is wrong")
        return found

    @property
    def key_id(self) -> bytes:
        """Four bytes by which a signature names its key."""
        return _key_id(self.name, self.public)

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    def accepts(self, text: str, signature: bytes) -> bool:
        """Whether the signature over the text is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """A private key by its name. The representation does not show it."""

    name: str
    seed: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Signer:
        """A key from `PRIVATE+KEY+name+hash+base64`; raises `Malformed`, and never repeats what it was given."""
        if not text.strip().startswith(_PRIVATE):
            raise Malformed("a signing key begins with PRIVATE+KEY+")
        parts = text.strip().removeprefix(_PRIVATE).split("+", 2)
        if len(parts) != 3:
            raise Malformed("a signing key is written PRIVATE+KEY+name+hash+base64")
        name, digest, packed = parts
        key = _decoded(packed, "a signing key")
        if key[:1] != ED25519 or len(key) != 1 + _SEED_BYTES:
            raise Malformed("only Ed25519 keys are known here")
        found = cls(_name(name), key[1:])
        if found.verifier.key_id.hex() != digest:
            raise Malformed("the hash of the signing key is not that of its key: a letter is wrong")
        return found

    @classmethod
    def new(cls, name: str) -> Signer:
        """A fresh random key."""
        return cls(_name(name), secrets.token_bytes(_SEED_BYTES))

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    @property
    def secret(self) -> str:
        """The text that the setting holds."""
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{base64.b64encode(ED25519 + self.seed).decode()}"

    def line(self, text: str) -> str:
        """The signature line under the text."""
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        return f"— {self.name} {base64.b64encode(self.verifier.key_id + signature).decode()}\n"


@dataclass(frozen=True)
class Signature:
    """One line under a note."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True)
class Note:
    """A text with the signatures below it."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, note: str) -> Note:
        """The parts of a signed note; raises `Malformed`."""
        body, gap, lines = note.rpartition("\n\n")
        text = f"{body}\n"
        if not gap or not body or not lines.endswith("\n"):
            raise Malformed("a signed note is a text, an empty line and lines of signatures")
        if any(ord(letter) < 32 and letter != "\n" for letter in note):
            raise Malformed("a signed note holds no control characters")
        return cls(text, tuple(_signature(line) for line in lines[:-1].split("\n")))

    def signed_by(self, verifiers: Iterable[Verifier]) -> list[Verifier]:
        """Which of these keys signed; raises `Malformed` where a signature claims one of them and does not hold."""
        known = {(key.name, key.key_id): key for key in verifiers}
        found = []
        for one in self.signatures:
            key = known.get((one.name, one.key_id))
            if key is None:
                continue
            if not key.accepts(self.text, one.signature):
                raise Malformed(f"the signature of {key.name}+{key.key_id.hex()} does not hold")
            found.append(key)
        return found


def _signature(line: str) -> Signature:
    match = _SIGNED_BY.fullmatch(line)
    packed = _decoded(match[2], "a signature") if match else b""
    if not match or len(packed) != 4 + _SIGNATURE_BYTES:
        raise Malformed("a signature line is written “— name base64”")
    return Signature(match[1], packed[:4], packed[4:])


@dataclass(frozen=True)
class Checkpoint:
    """How large a log was and the root over its entries. The origin names the log, and is its key's name."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """The checkpoint in a note's text; raises `Malformed`. Lines after the third are extensions, and left alone."""
        match = _CHECKPOINT.fullmatch(text)
        if not match:
            raise Malformed("a checkpoint is three lines: origin, number of entries, base64 of the root")
        return cls(match[1], int(match[2]), _decoded(match[3], "the root"))

    def sign(self, signers: Sequence[Signer]) -> str:
        """The checkpoint as a note, signed by each key in turn."""
        return f"{self.text}\n{''.join(signer.line(self.text) for signer in signers)}"


def notes_in(text: str) -> list[str]:
    """Every signed checkpoint in a text: a file of many, or a mail around one. Signatures are not checked here."""
    plain = text.replace("\r\n", "\n")
    return [found.group() if found.group().endswith("\n") else f"{found.group()}\n" for found in _NOTE.finditer(plain)]
