"""The cache in the database, where failed sign-ins are counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import DatabaseCache
from django.db import DatabaseError, IntegrityError, OperationalError, connections, router


class StrictDatabaseCache(DatabaseCache):
    """Fails where the database does.

    Django's own says "not stored" for every error. To `add` that means that somebody else has the key: so whoever
    signs in while the database is locked would read that they tried too often.
    """

    def _base_set(self, mode: str, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT) -> bool:
        errors: list[DatabaseError] = []

        def noting(execute: Callable[..., Any], *words: Any) -> Any:
            try:
                return execute(*words)
            except DatabaseError as error:
                errors.append(error)
                raise

        with connections[router.db_for_write(self.cache_model_class)].execute_wrapper(noting):
            stored: bool = super()._base_set(mode, key, value, timeout)  # type: ignore[misc]
        # Somebody else stored the key first, or it is not there any more.
        foreseen = isinstance(errors[-1], IntegrityError) if errors else mode == "touch"
        if stored or foreseen:
            return stored
        raise errors[-1] if errors else OperationalError("The cache could not be written.")
