"""Making signed checkpoints: read what is new, see that it continues the chain, grow the tree, sign, keep, hand out.

Nothing is signed that does not hold. The work is done outside any transaction; two workers that make the same
checkpoint at once make the same one, and the second finds it there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial

from django.db import connection, transaction

from requests_app.audit import chain, log, merkle, signing, witnesses
from requests_app.audit.actor import Actor, worker
from requests_app.audit.chain import Entry
from requests_app.audit.note import Checkpoint
from requests_app.audit_actions import AuditAction
from requests_app.models import AuditCheckpoint, AuditEntry, AuditNode

# Names "the next checkpoint" among the database's advisory locks.
CHECKPOINT_LOCK = 0x44535243
# Nodes below this level are computed again from their entries when a proof is asked for: 256 entries each.
KEPT_LEVEL = 8
# Entries that one checkpoint reads at most, some seconds' worth: a log that was never signed is signed in pieces, so
# that neither a page nor a job of the queue waits for all of it.
AT_ONCE = 20_000
_BATCH = 2000

logger = logging.getLogger("portal.audit")


class Broken(Exception):
    """The log does not continue its last checkpoint, so nothing was signed."""


def newest() -> AuditCheckpoint | None:
    """The checkpoint over the most entries."""
    return AuditCheckpoint.objects.order_by("-size").first()


def before(size: int) -> AuditCheckpoint | None:
    """The largest checkpoint over no more entries than that."""
    return AuditCheckpoint.objects.filter(size__lte=size).order_by("-size").first()


def frontier_of(checkpoint: AuditCheckpoint | None) -> tuple[merkle.Frontier, str]:
    """The tree that a checkpoint was made of and the hash of its last entry; an empty tree where there is none."""
    if checkpoint is None:
        return merkle.Frontier(), chain.GENESIS
    return merkle.Frontier.stored(checkpoint.size, checkpoint.frontier), checkpoint.head


def tree_at(size: int) -> tuple[merkle.Frontier, str]:
    """The tree over the first `size` entries and the hash of the last of them, from the nearest checkpoint on."""
    tree, head = frontier_of(before(size))
    for _, stored in growing(entries_between(tree.size, size), tree):
        head = stored
    return tree, head


def entries_between(after: int, last: int | None = None) -> Iterator[tuple[Entry, str]]:
    """The stored entries behind a sequence number, up to another where one is given, read in batches."""
    rows = AuditEntry.objects.filter(seq__gt=after).order_by("seq")
    if last is not None:
        rows = rows.filter(seq__lte=last)
    for row in rows.iterator(chunk_size=_BATCH):
        yield log.as_entry(row), row.hash


def growing(
    entries: Iterable[tuple[Entry, str]], tree: merkle.Frontier, keep: merkle.Keep | None = None
) -> Iterator[tuple[Entry, str]]:
    """Hand the entries through, and add each to the tree once whoever walks them asks for the next one."""
    for entry, stored in entries:
        yield entry, stored
        tree.append(merkle.leaf(chain.canonical(entry)), keep)


def make(*, actor: Actor, now: datetime) -> AuditCheckpoint | None:
    """Sign the log as it stands, or its next `AT_ONCE` entries; the last checkpoint where there is nothing new.

    None where the log is empty. Raises `Broken` where the log does not hold, `Malformed` where AUDIT_SIGNING_KEY is
    no key.
    """
    signers = signing.signers()
    _list_keys([str(signer.verifier) for signer in signers], actor=actor, now=now)
    last = newest()
    tree, head = frontier_of(last)
    nodes: list[AuditNode] = []
    digest = head

    def keep(level: int, place: int, found: bytes) -> None:
        if level >= KEPT_LEVEL:
            nodes.append(AuditNode(level=level, place=place, hash=found.hex()))

    rows = entries_between(tree.size - bool(last), tree.size + AT_ONCE)
    # The entry that the last checkpoint ended with comes first, where it is still there.
    signed = next(rows, None) if last else None

    def heads() -> Iterator[tuple[Entry, str]]:
        nonlocal digest
        for entry, stored in growing(rows, tree, keep):
            yield entry, stored
            digest = stored

    if last and (signed is None or (signed[0].seq, signed[1]) != (last.size, last.head)):
        raise Broken(f"entry {last.size} is not the one that was signed")
    broken = next(chain.breaks(heads(), seq=tree.size, head=head), None)
    if broken is not None:
        raise Broken(broken.why)
    if tree.size == (last.size if last else 0):
        return last
    note = Checkpoint(signers[0].name, tree.size, tree.root()).sign(signers)
    fresh = AuditCheckpoint(
        size=tree.size, root=tree.root().hex(), head=digest, note=note, frontier=tree.hashes(), made_at=now
    )
    return _stored(fresh, nodes)


def _stored(fresh: AuditCheckpoint, nodes: list[AuditNode]) -> AuditCheckpoint:
    """Keep it, unless another worker was faster; returns the one that is kept."""
    with transaction.atomic():
        _lock()
        last = newest()
        if last is not None and last.size >= fresh.size:
            return last
        AuditNode.objects.bulk_create(nodes, ignore_conflicts=True, batch_size=_BATCH)
        fresh.save(force_insert=True)
    return fresh


def _lock() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHECKPOINT_LOCK])


def _list_keys(keys: list[str], *, actor: Actor, now: datetime) -> None:
    """Tell in the log itself which public keys sign it, wherever that is not what it told last."""
    listed = _listed()
    if listed == keys or (listed is None and not AuditEntry.objects.exists()):
        return
    with transaction.atomic():
        _lock()
        if keys != _listed():
            # Whoever approves something signs nothing themselves: the portal does.
            portal = worker(actor.origin if actor.is_worker else "")
            log.record(AuditAction.AUDIT_KEYS_LISTED, actor=portal, now=now, facts={"keys": keys})


def _listed() -> list[str] | None:
    listed = AuditEntry.objects.filter(action=AuditAction.AUDIT_KEYS_LISTED.value).order_by("-at", "-seq").first()
    return listed.facts.get("keys") if listed else None


def catch_up(*, actor: Actor, now: datetime, seconds: float = 20.0) -> AuditCheckpoint | None:
    """Make checkpoints until everything is signed or the time is over; returns the last. Raises what `make` raises."""
    ends = time.monotonic() + seconds
    found = make_and_hand_out(actor=actor, now=now)
    while time.monotonic() < ends:
        following = make_and_hand_out(actor=actor, now=now)
        if following is None or (found and following.size == found.size):
            break
        found = following
    return found


def make_and_hand_out(*, actor: Actor, now: datetime) -> AuditCheckpoint | None:
    """Make a checkpoint and give it to the file at once; raises what `make` raises, after writing it down."""
    try:
        found = make(actor=actor, now=now)
    except Exception as error:
        why = str(error) if isinstance(error, Broken) else type(error).__name__
        witnesses.failed(witnesses.MAKING, why=f"No checkpoint was made: {why}", now=now)
        raise
    witnesses.recovered(witnesses.MAKING, now=now)
    witnesses.write_file(now=now)
    return found


def make_after_commit(*, actor: Actor, now: datetime) -> None:
    """Call in a transaction that matters: once it is durable, it gets a checkpoint. A failure breaks nothing."""
    transaction.on_commit(partial(_make_quietly, actor, now), robust=True)


def _make_quietly(actor: Actor, now: datetime) -> None:
    try:
        make_and_hand_out(actor=actor, now=now)
    except Exception as error:
        # The chore makes it within minutes. The words of an error may hold what must not be logged.
        logger.error("No checkpoint was made after a commit: %s.", type(error).__name__)
