"""Calls to the sandbox by hand, as a client written by others would make them."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
import requests

from portal.sandbox import clock
from tests.canary import SECRET
from tests.sandbox_server import StandIn

# Two channels and one call of two members, two channels and one call of more; eight messages.
SUBJECT, NEIGHBOUR, BYSTANDER = "u_82c1f0e9", "marie.curie", "u_fe11d8b0"
HARD: dict[str, Any] = {"user": "hard", "messages": "hard", "conversations": "hard"}
MANY = [f"u{number}" for number in range(101)]
MEMBERS = {"filter_conditions": {"members": {"$in": [SUBJECT]}}}
DAY = 86_400


class Hands:
    """The sandbox's time, held still at the start of a minute."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = float(int(clock.now()) // 60 * 60 + 60)
        monkeypatch.setattr(clock, "now", lambda: self.at)


def token(secret: str = SECRET, **claims: Any) -> str:
    return jwt.encode(claims, secret, algorithm="HS256")


def fetch(method: str, url: str, **options: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, timeout=5, **options)


def ask(stand_in: StandIn, method: str, path: str, body: object = None, payload: object = None) -> requests.Response:
    """One call as Stream's own client would send it: an empty token, no body where there is none."""
    query = {"api_key": stand_in.key, **({} if payload is None else {"payload": json.dumps(payload)})}
    headers = {"stream-auth-type": "jwt", "Authorization": token()}
    return fetch(method, f"{stand_in.base_url}/api/v2{path}", params=query, json=body, headers=headers)


def done(stand_in: StandIn, path: str, body: object = None) -> dict[str, Any]:
    """Start a task and read it back finished."""
    answer = ask(stand_in, "POST", path, body)
    assert answer.status_code == 201, answer.text
    task: dict[str, Any] = ask(stand_in, "GET", f"/tasks/{answer.json()['task_id']}").json()
    assert task["status"] == "completed"
    return task


def exported(stand_in: StandIn, user_id: str) -> list[dict[str, Any]]:
    """The lines of a user's export."""
    link = done(stand_in, "/export/users", {"user_ids": [user_id]})["result"]["url"]
    return [json.loads(line) for line in fetch("GET", link).text.splitlines()]


def in_all_channels(user_id: str) -> dict[str, Any]:
    """A search for a user's messages, whoever is a member of the channels."""
    return {
        "filter_conditions": {"type": "messaging"},
        "message_filter_conditions": {"user_id": user_id},
        "limit": 100,
    }


def left(stand_in: StandIn, user_id: str) -> dict[str, int]:
    """What the queries still show of a user."""
    client = stand_in.client()
    found = ask(stand_in, "GET", "/chat/search", payload=in_all_channels(user_id))
    return {
        "user": len(client.query_users([user_id])),
        "messages": len(found.json()["results"]),
        "channels": client.count_channels(user_id).number,
        "calls": client.count_calls(user_id).number,
        "feeds": client.count_feeds(user_id).number,
        "activities": client.count_activities(user_id).number,
        "comments": client.count_comments(user_id).number,
        "bookmarks": client.count_bookmarks(user_id).number,
        "folders": client.count_bookmark_folders(user_id).number,
        "collections": client.count_collections(user_id).number,
    }


def by_user(value: object) -> dict[str, object]:
    return {"filter": {"user_id": value}}
