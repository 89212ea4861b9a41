"""Export files and the signed links to them."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from typing import Any
from urllib.parse import urlencode

from portal.sandbox import clock
from portal.sandbox.errors import ApiError, missing
from portal.sandbox.store import Store

LINK_SECONDS = 24 * 60 * 60
KEPT_SECONDS = 60 * 24 * 60 * 60
FEEDS_SECTIONS = {
    "feeds": "feed",
    "activities": "activity",
    "comments": "comment",
    "reactions": "reaction",
    "bookmarks": "bookmark",
    "bookmark_folders": "bookmark_folder",
    "collections": "collection",
}


def profile(user: dict[str, Any] | None, user_id: str) -> dict[str, Any]:
    """A user as an export shows it."""
    if user is None or user["name"] is None:
        return {"id": user_id}
    return {
        "id": user["id"],
        "name": user["name"],
        "image": user["image"],
        "role": user["role"],
        "custom": json.loads(user["custom"] or "{}"),
        "created_at": clock.rfc3339(user["created_at"]),
        "deleted_at": clock.rfc3339(user["deleted_at"]) if user["deleted_at"] else None,
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {"id": row["id"], "user_id": row["user_id"], "created_at": clock.rfc3339(row["created_at"]), **row["data"]}


def feeds_file(store: Store, user_id: str) -> str:
    """One JSON object with everything that the user owns in feeds; returns the file's id."""
    content: dict[str, Any] = {"user": profile(store.user(user_id), user_id)}
    for section, kind in FEEDS_SECTIONS.items():
        content[section] = [_plain(row) for row in store.owned(kind, user_id)]
    own = {feed["id"] for feed in content["feeds"]}
    follows = store.rows("SELECT * FROM records WHERE kind = 'follow' AND deleted_at IS NULL")
    content["follows"] = [
        _plain({**row, "data": json.loads(row["data"])})
        for row in follows
        if {json.loads(row["data"])["source_fid"], json.loads(row["data"])["target_fid"]} & own
    ]
    return keep(store, "feeds.json", json.dumps(content, ensure_ascii=False, indent=1).encode())


def users_file(store: Store, user_ids: list[str]) -> str:
    """A JSON object a line: profile, messages, reactions and calls of each user; returns the file's id."""
    lines = []
    for user_id in user_ids:
        lines.append({"type": "user", "data": profile(store.user(user_id), user_id)})
        # Soft-deleted messages are still there for exports.
        lines += [{"type": "message", "data": _plain(row)} for row in store.owned("message", user_id, deleted=True)]
        lines += [{"type": "reaction", "data": _plain(row)} for row in store.owned("reaction", user_id)]
        lines += [{"type": "call", "data": _plain(row)} for row in store.joined("call", user_id)]
    return keep(store, "users.ndjson", "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())


def keep(store: Store, name: str, content: bytes) -> str:
    """Keep a file for 60 days."""
    file_id = uuid.uuid4().hex
    store.run("INSERT INTO files VALUES (?, ?, ?, ?)", file_id, name, content, clock.now())
    return file_id


def _signature(secret: str, file_id: str, expires: str) -> str:
    return hmac.new(secret.encode(), f"{file_id}\n{expires}".encode(), hashlib.sha256).hexdigest()


def link(base_url: str, secret: str, file_id: str, name: str) -> str:
    """A link that works for 24 hours from now."""
    expires = str(int(clock.now()) + LINK_SECONDS)
    query = urlencode({"expires": expires, "signature": _signature(secret, file_id, expires)})
    return f"{base_url}/exports/users/{file_id}/{name}?{query}"


def open_file(store: Store, secret: str, file_id: str, query: dict[str, str]) -> tuple[str, bytes]:
    """Name and content behind a link; refuses links that are expired, altered or of another file."""
    expires, signature = query.get("expires", ""), query.get("signature", "")
    if not hmac.compare_digest(signature.encode(), _signature(secret, file_id, expires).encode()):
        raise ApiError(403, 17, "the link's signature is wrong")
    if int(expires) < clock.now():
        raise ApiError(403, 17, "the link is expired")
    found = store.row("SELECT * FROM files WHERE id = ?", file_id)
    if found is None or found["created_at"] + KEPT_SECONDS < clock.now():
        raise missing("the file is gone")
    return found["name"], found["content"]
