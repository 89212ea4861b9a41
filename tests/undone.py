"""Doing something in a test as if it had not been done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def undone() -> Iterator[None]:
    """What is done meanwhile is as if it had not been, so that whoever comes next meets the same rows."""
    block = transaction.atomic()
    # As with the one around each test: the portal does as if it were not there.
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)
