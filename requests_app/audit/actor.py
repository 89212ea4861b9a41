"""Who acts: a value that every verb and every audit entry takes. Imports no Django."""

from __future__ import annotations

from dataclasses import dataclass

from requests_app.enums import Role


@dataclass(frozen=True)
class Actor:
    """A staff member in one role, or the portal worker. `origin` is an address or the worker's host name."""

    id: int | None
    role: Role | None
    name: str
    origin: str = ""

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
