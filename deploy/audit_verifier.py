#!/usr/bin/env python3
"""Checks an exported audit log, or a proof of one ticket's entries, without the portal that wrote it.

    python3 -I audit_verifier.py FILE [--key KEY]... [--notes FILE]...
    python3 -I audit_verifier.py --proof FILE [--key KEY]...

One file, standard library alone; signatures are checked where the `cryptography` package is there, and where it is
not this says so. It shares no code with the portal. FILE is what `manage.py export_audit` wrote, KEY a public key (or a
file that holds one) that came to you by another way than FILE, and the notes are checkpoints that you kept: the
append-only file, mails, posts. Exit code: 0 it holds, 1 it does not, 2 this could not be checked.

Form of an export, one JSON value a line: {"export":…} first; {"hash":"…","entry":…} for each entry, whose bytes are the
canonical form `audit-v1` and hash to `hash`; after an entry its {"text":…}s and a {"checkpoint":…} over all entries up
to it; {"end":…} last, with the SHA-256 of every line that is no entry.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
import unicodedata
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None

sha256 = hashlib.sha256
GENESIS = b"0" * 64
# {"hash":"<64 digits>","entry":<canonical bytes>}
ENTRY, FRAME = b'{"hash":"', 83
NOTE = re.compile(r"^[^\n]+\n(?:0|[1-9][0-9]*)\n[A-Za-z0-9+/]{43}=\n(?:[^\n]+\n)*\n(?:— [^\n]+(?:\n|\Z))+", re.M)
DELETES = {"delete_users", "delete_feeds_data"}


class Finding(NamedTuple):
    """What is wrong: altered, removed, inserted, reordered, truncated, rewritten, forged or against a rule."""

    kind: str
    seq: int
    why: str


class Unreadable(Exception):
    """What was given is no export, no proof, no key or no note."""


# Merkle tree (RFC 6962, section 2.1)


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """The roots of the complete subtrees from left to right: enough to append and to tell the root."""

    def __init__(self, size: int = 0, peaks: list[bytes] | None = None) -> None:
        self.size, self.peaks = size, peaks or []
        if len(self.peaks) != bin(size).count("1") or any(len(peak) != 32 for peak in self.peaks):
            raise Unreadable("the frontier at the start of the file does not fit its size")

    def append(self, leaf: bytes) -> None:
        peaks, place = self.peaks, self.size
        while place & 1:
            leaf = sha256(b"\x01" + peaks.pop() + leaf).digest()
            place >>= 1
        peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        if not self.peaks:
            return sha256(b"").digest()
        found = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            found = node(peak, found)
        return found


def root_by_path(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root that a leaf leads to (RFC 9162, section 2.1.3.2); None for a path of another length."""
    if not 0 <= index < size:
        return None
    place, last = index, size - 1
    for step in path:
        if not last:
            return None
        if place & 1 or place == last:
            leaf = node(step, leaf)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            leaf = node(leaf, step)
        place, last = place >> 1, last >> 1
    return None if last else leaf


# Signed checkpoints (C2SP signed-note, tlog-checkpoint)


def unpack(text: str) -> bytes:
    found = base64.b64decode(text, validate=True)
    if base64.b64encode(found).decode() != text:
        raise ValueError("another spelling of base64")
    return found


class Key(NamedTuple):
    name: str
    id: bytes
    public: bytes

    @classmethod
    def read(cls, given: str) -> Key:
        """A verifier key, `name+hash+base64`, or a file that holds one."""
        text = given if given.count("+") >= 2 else Path(given).read_text(encoding="utf-8").strip()
        try:
            name, digest, packed = text.split("+", 2)
            raw = unpack(packed)
        except ValueError:
            raise Unreadable("a key is written name+hash+base64") from None
        ident = sha256(name.encode() + b"\n" + raw).digest()[:4]
        if raw[:1] != b"\x01" or len(raw) != 33 or ident.hex() != digest:
            raise Unreadable("the key is no Ed25519 key, or a letter of it is wrong")
        return cls(name, ident, raw[1:])


class Point(NamedTuple):
    """A checkpoint: how many entries, their root, and the note as it was signed."""

    origin: str
    size: int
    root: bytes
    text: str
    signatures: list[tuple[str, bytes, bytes]]

    @classmethod
    def read(cls, note: str) -> Point:
        if not NOTE.fullmatch(note):
            raise Unreadable("a checkpoint is no signed note")
        body, _, lines = note.rpartition("\n\n")
        origin, size, root, *_ = body.split("\n")
        signatures = []
        try:
            for line in lines.rstrip("\n").split("\n"):
                _, name, packed = line.split(" ")
                raw = unpack(packed)
                signatures.append((name, raw[:4], raw[4:]))
            return cls(origin, int(size), unpack(root), body + "\n", signatures)
        except ValueError:
            raise Unreadable("a line of a checkpoint is not as it must be") from None

    def verdict(self, keys: list[Key]) -> str:
        """`holds`, `forged`, or why nobody can tell."""
        known = {(key.name, key.id): key for key in keys}
        ours = [(known[name, ident], raw) for name, ident, raw in self.signatures if (name, ident) in known]
        if Ed25519PublicKey is None or not keys:
            return "unchecked"
        for key, raw in ours:
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(raw, self.text.encode())
            except InvalidSignature:
                return "forged"
        return "holds" if ours else "unknown"


# Rules: what must have happened before what


class Rules:
    """Each delete sent was approved as it stood by somebody who did not touch it; each answer has its intent."""

    SEEN = {b"ticket.open", b"ticket.edit", b"ticket.approve", b"call.intend", b"call.answer"}

    def __init__(self, whole: bool) -> None:
        # Where the file begins later, what happened before cannot be judged.
        self.whole = whole
        self.hands: dict[int, set[int]] = {}
        self.plans: dict[int, str] = {}
        self.approved: dict[int, set[str]] = {}
        self.intents: set[tuple[int, int, int]] = set()
        self.deletes = self.answers = self.unjudged = 0
        self.broken: list[Finding] = []

    def see(self, action: bytes, entry: dict[str, Any]) -> None:
        seq, ticket, facts, who = entry["seq"], entry["ticket"], entry["facts"], entry["actor"]["id"]
        if action in (b"ticket.open", b"ticket.edit"):
            self.hands.setdefault(ticket, set()).add(who)
            self.plans[ticket] = facts.get("plan_digest")
        elif action == b"ticket.approve":
            self._approve(seq, ticket, facts, who)
        elif action == b"call.intend":
            self.intents.add((ticket, facts.get("step"), facts.get("attempt")))
            if facts.get("operation") in DELETES:
                self.deletes += 1
                self._sent(seq, ticket)
        else:
            self.answers += 1
            if (ticket, facts.get("step"), facts.get("attempt")) not in self.intents:
                self._complain(seq, f"entry {seq} is an answer to a call that no entry intended")

    def _approve(self, seq: int, ticket: int, facts: dict[str, Any], who: int) -> None:
        if who in self.hands.get(ticket, ()):
            why = f"entry {seq}: who approved ticket {ticket} had opened or edited it"
            self.broken.append(Finding("rule", seq, why))
        elif facts.get("first_approved_by") == who:
            self.broken.append(Finding("rule", seq, f"entry {seq}: one person gave both approvals of ticket {ticket}"))
        else:
            self.approved.setdefault(ticket, set()).add(facts.get("plan_digest"))

    def _sent(self, seq: int, ticket: int) -> None:
        if ticket not in self.plans and not self.whole:
            self.unjudged += 1
        elif self.plans.get(ticket) not in self.approved.get(ticket, ()):
            self._complain(seq, f"entry {seq} sends a delete of ticket {ticket} that nobody approved as it stood then")

    def _complain(self, seq: int, why: str) -> None:
        if self.whole:
            self.broken.append(Finding("rule", seq, why))
        else:
            self.unjudged += 1


# The walk over an export


class Walk:
    """One pass over an export. `points` are the checkpoints that were kept elsewhere."""

    def __init__(self, file: BinaryIO, points: list[Point], keys: list[Key]) -> None:
        self.file, self.keys = file, keys
        self.kept: dict[int, list[Point]] = {}
        for point in points:
            self.kept.setdefault(point.size, []).append(point)
        self.rest = sha256()
        self.broken: list[Finding] = []
        self.verdicts = {"holds": 0, "unchecked": 0, "unknown": 0}
        self.good = 0  # the size of the newest checkpoint whose root holds; in a part, where that begins
        self.roots = self.texts = self.committed = 0
        self.body = b""
        self.ended = False
        self._begin()

    def _plain(self, line: bytes, name: str) -> Any:
        """The value of a line that is no entry; there is one spelling for each."""
        try:
            value = json.loads(line)
            if line != spelt(value):
                raise ValueError
            return value[name]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def _begin(self) -> None:
        line = self.file.readline()
        head = self._plain(line, "export")
        try:
            after = head["after"]
            self.origin, self.last, self.log = head["origin"], int(head["last"]), int(head["log"])
            self.first = self.seq = self.good = int(after["size"])
            # Without a checkpoint there is no root to compare with.
            self.trees = bool(self.kept) or int(head["checkpoints"]) > 0
            self.head = after["head"].encode()
            self.tree = Tree(self.seq, [bytes.fromhex(peak) for peak in after["frontier"]])
        except (TypeError, KeyError, ValueError, AttributeError):
            raise Unreadable("this does not begin like an exported audit log") from None
        self.rest.update(line)
        self.rules = Rules(whole=self.seq == 0)
        self._meet_kept()

    def run(self) -> None:
        """Read to the end, or to the first entry that does not hold; what is wrong is in `broken`."""
        seq, head, tree, kept = self.seq, self.head, self.tree, self.kept
        seen, trees = Rules.SEEN, self.trees
        for line in self.file:
            if line[:9] != ENTRY:
                self.seq, self.head = seq, head
                if self.ended or not self._other(line):
                    self.broken.append(self._why_line(line))
                    return
                continue
            body = line[FRAME:-2]
            digest = sha256(body).hexdigest().encode()
            link = b',"prev":"%b","seq":%d,"subjects":[' % (head, seq + 1)
            at = body.rfind(link)
            sound = line[:FRAME] == b'{"hash":"%b","entry":' % digest and line[-2:] == b"}\n"
            # Two braces close behind it, those of `texts` and of the entry: so the link is the entry's own. Otherwise
            # it is looked at slowly.
            linked = at >= 0 and body.count(b"}", at) == 2
            if not sound or self.ended or not (linked or follows(body, seq + 1, head)):
                self.seq, self.head = seq, head
                self.broken.append(self._why_entry(line))
                return
            seq, head = seq + 1, digest
            if trees:
                tree.append(sha256(b"\x00" + body).digest())
            self.body = body
            if seq in kept:
                self._meet_kept()
            action = body[11 : body.find(b'"', 11)]
            if action in seen:
                self.rules.see(action, json.loads(body.decode()))
            if body.find(b'"texts":{}', at) < 0:
                self.committed += len(json.loads(body)["texts"])
        self.seq, self.head = seq, head
        self._finish()

    # checkpoints

    def _meet_kept(self) -> None:
        for point in self.kept.pop(self.tree.size, ()):
            self._meet(point, "kept")

    def _meet(self, point: Point, where: str) -> None:
        verdict = point.verdict(self.keys)
        if verdict == "forged":
            why = f"the {where} checkpoint of {point.size:,} entries is not signed by the key it names"
            self.broken.append(Finding("forged", point.size, why))
            return
        self.verdicts[verdict] += 1
        if point.origin != self.origin:
            why = f"the {where} checkpoint of {point.size:,} entries is that of another log ({point.origin})"
            self.broken.append(Finding("forged", point.size, why))
        elif point.root != self.tree.root():
            why = (
                f"the entries up to {point.size:,} are not those that were signed ({where} checkpoint). Behind entry "
                f"{self.good:,} something was altered, removed, inserted or reordered, and hashed anew"
            )
            self.broken.append(Finding("rewritten", self.good + 1, why))
        else:
            self.roots += 1
            self.good = point.size

    # lines that are no entries

    def _other(self, line: bytes) -> bool:
        """Take up a text, a checkpoint or the end; whether it is one and fits."""
        if line.startswith(b'{"end":'):
            return self._end(line)
        self.rest.update(line)
        if line.startswith(b'{"text":'):
            return self._text(self._plain(line, "text"))
        note = self._plain(line, "checkpoint")
        try:
            point = Point.read(note)
        except (Unreadable, TypeError):
            return False
        if point.size != self.tree.size:
            return False
        self._meet(point, "exported")
        return True

    def _text(self, told: Any) -> bool:
        try:
            committed = json.loads(self.body)["texts"][told["name"]]
            words = unicodedata.normalize("NFC", told["text"]).encode()
            fits = sha256(b"d1" + bytes.fromhex(told["salt"]) + words).hexdigest() == committed
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
        self.texts += 1
        return fits and told.get("seq") == self.seq

    def _end(self, line: bytes) -> bool:
        found = self._plain(line, "end")
        self.ended = True
        if not isinstance(found, dict):
            return False
        if self.seq < self.last:
            return True  # told by `_finish`: the file was cut
        told = (found.get("head"), found.get("rest"), found.get("size"))
        return told == (self.head.decode(), self.rest.hexdigest(), self.seq) and len(found) == 3

    def _finish(self) -> None:
        if self.seq < self.last or not self.ended:
            why = f"the file ends after entry {self.seq:,} of {self.last:,}"
            self.broken.append(Finding("truncated", self.seq + 1, why))
            return
        for size in sorted(self.kept):
            if size > self.log:
                why = (
                    f"a checkpoint was signed over {size:,} entries, and this log has {self.log:,}: the end was cut "
                    "off, or the file is older than the checkpoint"
                )
                self.broken.append(Finding("truncated", self.log + 1, why))
                return

    # why a line does not hold

    def _why_line(self, line: bytes) -> Finding:
        if line.startswith(b'{"text":'):
            return Finding("altered", self.seq, f"a text beside entry {self.seq:,} is not the one it was written with")
        if line.startswith(b'{"checkpoint":'):
            return Finding("altered", self.seq, f"the checkpoint behind entry {self.seq:,} was altered or moved")
        if line.startswith(b'{"end":') or self.ended:
            return Finding("altered", self.seq, "the end of the file does not fit what stands before it")
        return Finding("altered", self.seq + 1, f"the line behind entry {self.seq:,} is none of this log")

    def _why_entry(self, line: bytes) -> Finding:
        """Which of the five it was, judged by what else the file holds."""
        seq, head = self.seq + 1, self.head
        here = placed(line)
        later = [found for found in map(placed, self.file) if found]
        wanted = [found for found in later if (found.seq, found.prev) == (seq, head)]
        if here is None:
            if wanted:
                return Finding("inserted", seq, f"before entry {seq:,} stands a line that is not part of the chain")
            return Finding("altered", seq, f"entry {seq:,} was altered: it does not hash to what stands beside it")
        if here.seq < seq:
            return self._why_twice(here, later)
        if here.seq == seq:
            return self._why_unlinked(here, wanted)
        if not wanted:
            gone = f"entry {seq:,} is" if here.seq == seq + 1 else f"entries {seq:,} to {here.seq - 1:,} are"
            return Finding("removed", seq, f"{gone} missing: entry {here.seq:,} follows entry {seq - 1:,}")
        if any(found.hash == here.hash for found in later):
            return Finding("inserted", seq, f"entry {here.seq:,} stands twice, the first time before entry {seq:,}")
        return Finding("reordered", seq, f"entry {here.seq:,} stands before entry {seq:,}")

    def _why_twice(self, here: Placed, later: list[Placed]) -> Finding:
        """A number that was there already: which of the two is the one that the next entry follows?"""
        following = next((found for found in later if found.seq == here.seq + 1), None)
        if here.seq == self.seq and following and following.prev == here.hash and here.hash != self.head:
            return Finding("inserted", here.seq, f"the first of two entries {here.seq:,} is not part of the chain")
        return Finding("inserted", self.seq + 1, f"a second entry {here.seq:,} stands behind entry {self.seq:,}")

    def _why_unlinked(self, here: Placed, wanted: list[Placed]) -> Finding:
        """The right number, but it follows another entry than the one before it."""
        if wanted:
            return Finding("inserted", here.seq, f"the first of two entries {here.seq:,} is not part of the chain")
        if self.good >= self.seq or self.seq == self.first:
            why = f"what stood at {here.seq:,} is missing: the entry with this number follows another one"
            return Finding("removed", here.seq, why)
        why = f"entry {self.seq:,} was altered together with its hash: the next entry follows another one"
        return Finding("altered", self.seq, why)


class Placed(NamedTuple):
    """An entry that hashes to what stands beside it, wherever it stands."""

    seq: int
    prev: bytes
    hash: bytes


def placed(line: bytes) -> Placed | None:
    body = line[FRAME:-2]
    digest = sha256(body).hexdigest().encode()
    if line != b'{"hash":"%b","entry":%b}\n' % (digest, body):
        return None
    try:
        entry = json.loads(body)
        return Placed(int(entry["seq"]), str(entry["prev"]).encode(), digest)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def follows(body: bytes, seq: int, head: bytes) -> bool:
    """The slow way to see that an entry has this number and this one before it."""
    try:
        entry = json.loads(body)
        return (entry["seq"], entry["prev"], entry["v"]) == (seq, head.decode(), "audit-v1")
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def spelt(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


# A proof of some entries


def check_proof(proof: dict[str, Any], keys: list[Key], say: Any) -> list[Finding]:
    """Whether every entry of a proof is in the log that its checkpoint was signed over."""
    try:
        point = Point.read(proof["checkpoint"])
        entries = [(one["entry"].encode(), [bytes.fromhex(step) for step in one["path"]]) for one in proof["entries"]]
        reference, version = proof["ticket"], proof["v"]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreadable("this is no proof of an audit log's entries") from None
    if version != "audit-proof-1":
        raise Unreadable("this is no proof of an audit log's entries")
    broken = []
    for body, path in entries:
        entry = json.loads(body)
        leaf = sha256(b"\x00" + body).digest()
        if root_by_path(leaf, entry["seq"] - 1, point.size, path) != point.root:
            broken.append(Finding("altered", entry["seq"], f"entry {entry['seq']:,} is not in the log that was signed"))
        elif entry["ticket"] is None or f"DSR-{entry['ticket']:06d}" != reference:
            broken.append(Finding("inserted", entry["seq"], f"entry {entry['seq']:,} is not about {reference}"))
    verdict = point.verdict(keys)
    if verdict in {"forged", "unknown"}:
        broken.append(Finding("forged", 0, "the checkpoint is not signed by any of the given keys"))
    say(f"{len(entries):,} entries about {reference}, in a log of {point.size:,} entries ({point.origin}).")
    say_signatures({verdict: 1}, keys, say)
    return broken


# What people read


def say_signatures(verdicts: dict[str, int], keys: list[Key], say: Any) -> None:
    total = sum(verdicts.values())
    if not total:
        say("Signatures: there is no checkpoint, so nothing says that the log was not written anew as a whole.")
    elif Ed25519PublicKey is None:
        say("Signatures: NOT CHECKED. This Python has no package “cryptography”; with it they are.")
    elif not keys:
        say("Signatures: NOT CHECKED. Give the public key with --key.")
    else:
        say(f"Signatures: {verdicts.get('holds', 0):,} of {total:,} checkpoints are signed by a given key.")


def report(walk: Walk, say: Any) -> None:
    say(f"{walk.seq - walk.first:,} entries read, {walk.first + 1:,} to {walk.seq:,}; head {walk.head.decode()}.")
    say(f"Checkpoints: {walk.roots:,} roots fit, the largest covers {walk.good:,} entries.")
    say_signatures(walk.verdicts, walk.keys, say)
    say(f"Texts: {walk.texts:,} of {walk.committed:,} are in the file and were compared with their commitments.")
    rules = walk.rules
    say(f"Rules: {rules.deletes:,} deletes sent, {rules.answers:,} answers; {rules.unjudged:,} could not be judged.")


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Checks an exported audit log, or a proof of one ticket's entries.")
    parser.add_argument("file", nargs="?", type=Path, help="what manage.py export_audit wrote")
    parser.add_argument("--proof", type=Path, help="a proof of one ticket's entries instead")
    parser.add_argument("--key", action="append", default=[], help="a public key, or a file that holds one")
    parser.add_argument("--notes", action="append", default=[], type=Path, help="checkpoints that were kept elsewhere")
    given = parser.parse_args(words)
    if (given.file is None) == (given.proof is None):
        parser.error("give either an exported FILE or --proof FILE")
    return given


def check(given: argparse.Namespace, say: Any) -> list[Finding]:
    keys = [Key.read(text) for text in given.key]
    if given.proof:
        try:
            return check_proof(json.loads(given.proof.read_bytes()), keys, say)
        except ValueError:
            raise Unreadable("this is no proof of an audit log's entries") from None
    texts = [path.read_text(encoding="utf-8").replace("\r\n", "\n") for path in given.notes]
    points = [Point.read(found.group()) for text in texts for found in NOTE.finditer(text)]
    if given.notes and not points:
        raise Unreadable("there is no checkpoint in the notes")
    with given.file.open("rb", buffering=1 << 20) as file:
        walk = Walk(file, points, keys)
        walk.run()
    report(walk, say)
    unknown = walk.verdicts["unknown"]
    if unknown and keys and Ed25519PublicKey is not None:
        walk.broken.append(Finding("forged", 0, f"{unknown:,} checkpoints are signed by none of the given keys"))
    return walk.broken + walk.rules.broken


def main(words: list[str]) -> int:
    try:
        broken = check(arguments(words), print)
    except (Unreadable, OSError, UnicodeDecodeError) as error:
        print(f"NOT CHECKED: {error}.", file=sys.stderr)
        return 2
    for found in broken:
        print(f"BROKEN, {found.kind}, entry {found.seq}: {found.why}.")
    if not broken:
        print("INTACT.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
