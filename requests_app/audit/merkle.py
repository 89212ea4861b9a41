"""The Merkle tree over the audit log (RFC 6962, section 2.1): one root that stands for every entry up to a size.

The leaf of an entry is SHA-256(0x00 || canonical bytes), a node SHA-256(0x01 || left || right), so that no leaf can
pass for a node. Only the frontier is carried along: the roots of the complete subtrees from left to right, at most one
for each bit of the size. A new root then costs as much as what is new. Imports no Django.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

EMPTY = hashlib.sha256(b"").digest()
# Told of every complete subtree that an append closes: its level (0 is a leaf), its place in that level, its hash.
Keep = Callable[[int, int, bytes], None]
# Gives the hash of the complete subtree at a level and place.
Nodes = Callable[[int, int], bytes]


def leaf(data: bytes) -> bytes:
    """The hash of one entry, given its canonical bytes."""
    return hashlib.sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree as far as appending needs it. Raises `ValueError` where the peaks cannot be those of the size."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if size < 0 or len(peaks) != size.bit_count() or any(len(peak) != len(EMPTY) for peak in peaks):
            raise ValueError(f"{len(peaks)} hashes are no frontier of {size} entries")
        self.size = size
        self.peaks = list(peaks)

    @classmethod
    def stored(cls, size: int, peaks: Sequence[str]) -> Frontier:
        """A frontier from its hexadecimal hashes."""
        return cls(size, [bytes.fromhex(peak) for peak in peaks])

    def copy(self) -> Frontier:
        """The same tree, to append to apart."""
        return Frontier(self.size, self.peaks)

    def hashes(self) -> list[str]:
        """The peaks in hexadecimal, largest subtree first."""
        return [peak.hex() for peak in self.peaks]

    def append(self, leaf_hash: bytes, keep: Keep | None = None) -> None:
        """Add one leaf on the right; `keep` is told of each complete subtree above it that it closes."""
        level, carried, place = 0, leaf_hash, self.size
        while place & 1:
            carried = node(self.peaks.pop(), carried)
            level, place = level + 1, place >> 1
            if keep:
                keep(level, place, carried)
        self.peaks.append(carried)
        self.size += 1

    def root(self) -> bytes:
        """The root hash over all leaves so far."""
        if not self.peaks:
            return EMPTY
        found = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            found = node(peak, found)
        return found


def _split(count: int) -> int:
    """The largest power of two below the count: as many leaves are in the left subtree."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_root(start: int, end: int, nodes: Nodes) -> bytes:
    """The hash over the leaves from `start` up to `end`, which the tree of some size has as one subtree."""
    count = end - start
    if count.bit_count() == 1:
        level = count.bit_length() - 1
        return nodes(level, start >> level)
    middle = start + _split(count)
    return node(_range_root(start, middle, nodes), _range_root(middle, end, nodes))


def inclusion_path(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """The hashes that lead from the leaf at `index` (from 0) to the root over `size` leaves, lowest first.

    RFC 6962, section 2.1.1. Raises `IndexError` where there is no such leaf.
    """
    if not 0 <= index < size:
        raise IndexError(f"there is no leaf {index} among {size}")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(middle, end, nodes))
            end = middle
        else:
            path.append(_range_root(start, middle, nodes))
            start = middle
    return path[::-1]


def root_by_path(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf and its path lead to, or None where the path has the wrong length (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return None
    place, last, found = index, size - 1, leaf_hash
    for step in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            found = node(step, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node(found, step)
        place, last = place >> 1, last >> 1
    return found if last == 0 else None
