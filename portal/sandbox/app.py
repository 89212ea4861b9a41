"""One request: who is asking, which operation, how often, what goes wrong on purpose, and the answer."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from portal.sandbox import clock, exports, routes, tasks, token
from portal.sandbox.call import Call, Config
from portal.sandbox.errors import ApiError, bad_input
from portal.sandbox.faults import Faults
from portal.sandbox.limits import Limits
from portal.sandbox.store import Store

MAX_BODY = 1024 * 1024


@dataclass(frozen=True)
class Request:
    """What came over the wire. The path is still percent-encoded."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    """What goes back; `lost` means that the connection breaks instead."""

    status: int
    headers: dict[str, str]
    body: bytes
    lost: bool = False


class Sandbox:
    """The stand-in: a store and how it was configured."""

    def __init__(self, store: Store, config: Config) -> None:
        self.store = store
        self.config = config
        self.faults = Faults(config.faults)
        self.limits = Limits(store, config.limits)

    def answer(self, request: Request, base_url: str) -> Response:
        """The answer to one request. Safe to call from several threads."""
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        if request.path.startswith("/exports/users/"):
            return self._file(request.path.split("/")[3], query)
        found = routes.find(request.method, request.path)
        operation = found[0] if found else "Unknown"
        if self.config.latency_ms:
            time.sleep(self.config.latency_ms / 1000)
        with self.store.lock:
            headers = self.limits.headers(operation)
        lost = False
        try:
            self._check_caller(request, query)
            if found is None:
                raise ApiError(404, 16, "there is no such endpoint")
            fault = self.faults.of_call(operation)
            if fault.get("latency_ms"):
                time.sleep(fault["latency_ms"] / 1000)
            with self.store.lock:
                # Whoever asks sees every task done whose time has come.
                tasks.advance(self.store, self.faults)
                self.limits.take(operation)
                headers = self.limits.headers(operation)
                if fault.get("error"):
                    raise ApiError(int(fault["error"]), -1, "a fault on purpose")
                body, had_body = _body(request)
                _, handler, path = found
                call = Call(
                    operation, self.store, self.limits, self.faults, self.config, base_url, path, query, body, had_body
                )
                self.store.run("BEGIN IMMEDIATE")
                try:
                    reply = handler(call)
                    self.store.run("COMMIT")
                except BaseException:
                    self.store.run("ROLLBACK")
                    raise
            lost = bool(fault.get("lose_answer"))
            status, content = reply.status, json.dumps({"duration": "1.00ms", **reply.body}).encode()
        except ApiError as error:
            status, content = error.status, error.body(operation)
            headers = {**headers, **error.headers}
        return Response(status, {"Content-Type": "application/json", **headers}, content, lost)

    def _check_caller(self, request: Request, query: dict[str, str]) -> None:
        if query.get("api_key") != self.config.key:
            raise ApiError(401, 2, "api_key is not valid")
        if request.headers.get("stream-auth-type") != "jwt":
            raise ApiError(401, 5, "stream-auth-type must be jwt")
        token.check(request.headers.get("authorization", ""), secret=self.config.secret, now=clock.now())

    def _file(self, file_id: str, query: dict[str, str]) -> Response:
        with self.store.lock:
            try:
                name, content = exports.open_file(self.store, self.config.secret, file_id, query)
            except (ApiError, ValueError) as error:
                status = error.status if isinstance(error, ApiError) else 403
                return Response(status, {"Content-Type": "text/plain"}, b"This link does not work.\n")
        kind = "application/x-ndjson" if name.endswith(".ndjson") else "application/json"
        return Response(200, {"Content-Type": kind}, content)


def _body(request: Request) -> tuple[dict[str, Any], bool]:
    """The JSON object of the body; an absent body is an empty one."""
    if not request.body:
        return {}, False
    if len(request.body) > MAX_BODY:
        raise ApiError(413, 22, "the body is too big")
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise bad_input("a body needs Content-Type application/json")
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError):
        raise bad_input("the body is not JSON") from None
    if not isinstance(found, dict):
        raise bad_input("the body must be an object")
    return found, True
