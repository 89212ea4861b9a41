"""One call on its way to a handler."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from portal.sandbox.faults import Faults
from portal.sandbox.limits import Limits
from portal.sandbox.store import Store


@dataclass(frozen=True)
class Config:
    """How the sandbox was started. Times in seconds and milliseconds as their names say."""

    key: str
    secret: str
    task_seconds: float = 2.0
    latency_ms: float = 0.0
    limits: dict[str, int] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


@dataclass
class Call:
    """What a handler needs: the request's parts and the sandbox's."""

    operation: str
    store: Store
    limits: Limits
    faults: Faults
    config: Config
    base_url: str
    path: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]
    had_body: bool


@dataclass(frozen=True)
class Reply:
    """What a handler answers."""

    status: int
    body: dict[str, Any]
