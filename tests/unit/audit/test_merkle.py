"""The Merkle tree: the vectors of RFC 6962, a library's second opinion, and paths that lead to the root alone."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from requests_app.audit import merkle
from requests_app.audit.merkle import Frontier

# The leaves and roots that Certificate Transparency's own implementations test with (trillian and RFC 6962 reference).
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# Leaf and size of a path, both from 0 and 1 on, and the path itself.
PATHS = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
]


def grown(leaves: list[bytes]) -> tuple[Frontier, dict[tuple[int, int], bytes]]:
    """A tree of these entries with every complete subtree of it."""
    tree, nodes = Frontier(), {}

    def keep(level: int, place: int, found: bytes) -> None:
        nodes[level, place] = found

    for place, data in enumerate(leaves):
        nodes[0, place] = merkle.leaf(data)
        tree.append(merkle.leaf(data), keep)
    return tree, nodes


def test_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert Frontier().root() == hashlib.sha256(b"").digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_are_those_of_the_rfc(size: int) -> None:
    assert grown(LEAVES[:size])[0].root().hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("index", "size", "path"), PATHS, ids=str)
def test_the_paths_are_those_of_the_rfc(index: int, size: int, path: list[str]) -> None:
    _, nodes = grown(LEAVES[:size])

    assert [step.hex() for step in merkle.inclusion_path(index, size, lambda *at: nodes[at])] == path


def test_a_library_of_somebody_else_finds_the_same_roots() -> None:
    other, tree = InmemoryTree(algorithm="sha256"), Frontier()
    for number in range(700):
        data = b"entry %d" % number
        other.append_entry(data)
        tree.append(merkle.leaf(data))
        assert tree.root() == other.get_root(), number + 1


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 300), st.data())
def test_every_path_leads_to_the_root_from_its_own_leaf_and_place_alone(size: int, data: st.DataObject) -> None:
    leaves = [b"%d" % number for number in range(size)]
    tree, nodes = grown(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = merkle.inclusion_path(index, size, lambda *at: nodes[at])
    ours = merkle.leaf(leaves[index])

    assert merkle.root_by_path(ours, index, size, path) == tree.root()
    assert merkle.root_by_path(merkle.leaf(b"forged"), index, size, path) != tree.root()
    assert merkle.root_by_path(ours, index, size, [*path, ours]) is None
    if path:
        assert merkle.root_by_path(ours, index, size, path[:-1]) != tree.root()
        bent = [bytes([path[0][0] ^ 1]) + path[0][1:], *path[1:]]
        assert merkle.root_by_path(ours, index, size, bent) != tree.root()


@pytest.mark.parametrize("index", [-1, 5, 6])
def test_there_is_no_path_from_where_no_leaf_is(index: int) -> None:
    _, nodes = grown(LEAVES[:5])

    with pytest.raises(IndexError):
        merkle.inclusion_path(index, 5, lambda *at: nodes[at])
    assert merkle.root_by_path(b"", index, 5, []) is None


def test_a_tree_goes_on_from_its_stored_frontier() -> None:
    first, _ = grown(LEAVES[:5])
    second = Frontier.stored(5, first.hashes())
    for data in LEAVES[5:]:
        second.append(merkle.leaf(data))

    assert second.root().hex() == ROOTS[7]
    assert first.root().hex() == ROOTS[4]


@pytest.mark.parametrize(("size", "peaks"), [(5, ["00" * 32]), (1, ["00" * 31]), (1, ["zz"]), (-1, [])])
def test_what_cannot_be_a_frontier_is_refused(size: int, peaks: list[str]) -> None:
    with pytest.raises(ValueError, match=r"frontier|hexadecimal"):
        Frontier.stored(size, peaks)
