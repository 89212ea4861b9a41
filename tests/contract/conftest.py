"""A running sandbox, and its time held still."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.by_hand import Hands
from tests.sandbox_server import StandIn, running_sandbox


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with running_sandbox() as started:
        yield started


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    return Hands(monkeypatch)
