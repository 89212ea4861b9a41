"""Looks at the demo's stand-in directly, past the portal."""

from __future__ import annotations

from dataclasses import dataclass

from requests_app.demo.clock import DemoFailed
from requests_app.stream.client import StreamClient
from requests_app.stream.credentials import Credentials
from requests_app.stream.transport import Transport


@dataclass(frozen=True)
class Looker:
    """Looks at the stand-in directly, past the portal."""

    client: StreamClient
    transport: Transport

    @classmethod
    def at(cls, url: str, key: str, secret: str) -> Looker:
        """A looker at the stand-in that answers there."""
        client = StreamClient(Credentials(url, key, secret))
        return cls(client, client.transport)

    def exists(self, user_id: str) -> bool:
        """Whether Stream shows the user."""
        return any(user.deleted_at is None for user in self.client.query_users([user_id]))

    def belongings(self, user_id: str) -> tuple[int, ...]:
        """How much Stream shows of the user's own, by kind of data."""
        client = self.client
        counted = (client.count_feeds, client.count_activities, client.count_comments, client.count_channels)
        return tuple(count(user_id).number for count in counted)

    def make(self, *user_ids: str, name: str) -> None:
        """Create users to try things on."""
        body = {"users": {user_id: {"id": user_id, "name": name} for user_id in user_ids}}
        answer = self.transport.exchange("UpdateUsers", "POST", "/users", body=body, changes=True)
        if answer.status not in {200, 201}:
            raise DemoFailed(f"The sandbox did not take a new user (HTTP {answer.status}).")
