"""The calls that change something on Stream, one record each: whoever needs to know one thing of them asks here.

(Stream API, sections 3 and 5.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from requests_app.enums import Operation
from requests_app.stream.ids import path_segment

Fields = Mapping[str, str | bool]
METHOD = "POST"
VERSION = "/api/v2"
NO_FIELDS: Fields = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Call:
    """How one operation is asked for."""

    # Stream's own name of it, under which it limits how often it is asked for.
    endpoint: str
    # `{user_id}` stands for the one id that the call is about; without it the ids go in the body.
    path: str
    most_ids: int = 1
    # What else the body may say.
    fields: frozenset[str] = frozenset()
    # Whether Stream answers with the id of a task and does the work later.
    makes_task: bool = True
    # What the file of an export is called when it is handed out.
    file_name: str = ""

    def path_for(self, user_ids: Sequence[str]) -> str:
        """The path below the version of the API; raises `ValueError` for an id that no path can hold."""
        return self.path.format(user_id=path_segment(user_ids[0])) if self._names_one else self.path

    def body(self, user_ids: Sequence[str], fields: Fields = NO_FIELDS) -> dict[str, object] | None:
        """The body, or None for a call that is sent without any. Raises `ValueError` for what it cannot say."""
        unknown = set(fields) - self.fields
        if unknown:
            raise ValueError(f"{self.endpoint} knows no field {', '.join(sorted(unknown))}")
        if not 1 <= len(user_ids) <= self.most_ids or len(set(user_ids)) != len(user_ids):
            raise ValueError(f"This call takes 1 to {self.most_ids} different user ids.")
        for user_id in user_ids:
            path_segment(user_id)
        if self._names_one:
            return dict(fields) or None
        return {"user_ids": list(user_ids), **fields}

    @property
    def _names_one(self) -> bool:
        return "{user_id}" in self.path


CALLS: Mapping[Operation, Call] = MappingProxyType(
    {
        Operation.EXPORT_FEEDS_DATA: Call(
            endpoint="ExportFeedUserData", path="/feeds/users/{user_id}/export", file_name="feeds-data.json"
        ),
        # One file for all ids: never of two data subjects at once.
        Operation.EXPORT_USERS: Call(
            endpoint="ExportUsers", path="/export/users", most_ids=25, file_name="user-data.ndjson"
        ),
        Operation.DELETE_FEEDS_DATA: Call(
            endpoint="DeleteFeedUserData", path="/feeds/users/{user_id}/delete", fields=frozenset({"hard_delete"})
        ),
        Operation.DELETE_USERS: Call(
            endpoint="DeleteUsers",
            path="/users/delete",
            most_ids=100,
            fields=frozenset(
                {"user", "messages", "conversations", "calls", "files", "new_channel_owner_id", "new_call_owner_id"}
            ),
        ),
        Operation.RESTORE_USERS: Call(endpoint="RestoreUsers", path="/users/restore", most_ids=100, makes_task=False),
    }
)
