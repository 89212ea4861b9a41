"""Who acts: a value that every verb and every audit entry takes. Imports no Django."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from requests_app.enums import Role


@dataclass(frozen=True)
class Actor:
    """A staff member in one role, or the portal worker. `origin` is an address or the worker's host name.

    `apps` are the ids of the Stream apps that the role holds in; None for all of them, also those to come.
    """

    id: int | None
    role: Role | None
    name: str
    origin: str = ""
    apps: frozenset[int] | None = None

    @property
    def in_all_apps(self) -> bool:
        """Whether the role holds in every Stream app."""
        return self.apps is None

    def holds_in(self, app_id: int) -> bool:
        """Whether the role holds in this Stream app."""
        return self.apps is None or app_id in self.apps

    @property
    def person_id(self) -> int:
        """The id of the staff member; raises `ValueError` where no person acts."""
        if self.id is None:
            raise ValueError("no person acts here")
        return self.id

    @property
    def is_worker(self) -> bool:
        """Whether the portal itself acts, not a person."""
        return self.role is Role.WORKER


def worker(host: str) -> Actor:
    """The actor of everything that background jobs do."""
    return Actor(id=None, role=Role.WORKER, name="Portal worker", origin=host)


_acting: ContextVar[Actor | None] = ContextVar("acting", default=None)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Who acts in whatever Django does by itself inside: saving people and their groups."""
    token = _acting.set(actor)
    try:
        yield
    finally:
        _acting.reset(token)


def acting() -> Actor:
    """Who acts now; whoever works on the server itself where nobody said."""
    return _acting.get() or Actor(id=None, role=Role.ADMINISTRATOR, name="command line", origin="command line")
