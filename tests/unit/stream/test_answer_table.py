"""The table of docs/stream-answers.md, walked row by row: each answer it names has the meaning it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from requests_app.stream import errors
from requests_app.stream.client import StreamClient
from requests_app.stream.credentials import Credentials, Timeouts
from requests_app.stream.errors import StreamError
from requests_app.stream.transport import MAX_ANSWER
from requests_app.stream.wire import Accepted
from tests.canary import API_KEY, SECRET
from tests.unit.stream.scripted import Reply, scripted

PAGE = Path(__file__).resolve().parents[3] / "docs" / "stream-answers.md"
# For a server that says nothing. Whatever answers has all the time of a busy machine.
BRISK = Timeouts(1, 0.2, 0.3)
PATIENT = Timeouts(10, 20, 25)


def answering(*replies: Reply) -> Callable[[], list[object]]:
    """One delete for each reply."""

    def run() -> list[object]:
        found: list[object] = []
        for reply in replies:
            with scripted(reply) as server:
                found.append(result_of(server.client(BRISK if reply.ending == "silent" else PATIENT)))
        return found

    return run


def result_of(client: StreamClient) -> object:
    try:
        return client.delete_users(["u_1"], {})
    except StreamError as error:
        return error


def codes(*numbers: int, status: int = 400) -> list[Reply]:
    return [Reply(status, {"code": number, "message": "x", "StatusCode": status}) for number in numbers]


def unreachable() -> list[object]:
    return [
        result_of(StreamClient(Credentials(base_url, API_KEY, SECRET), timeouts=Timeouts(0.2, 0.2, 0.3)))
        for base_url in ("http://127.0.0.1:9", "http://localhost:9")
    ]


def unfit() -> list[object]:
    found: list[object] = []
    for base_url, key, secret in (("", "k", "s"), ("http://stream.example.org", "k", "s"), ("https://x.org", "", "s")):
        try:
            found.append(Credentials(base_url, key, secret))
        except StreamError as error:
            found.append(error)
    return found


# The first cell of a row, and what brings that answer about.
BRING: dict[str, Callable[[], list[object]]] = {
    "200 or 201, readable": answering(Reply(200, {"task_id": "t"}), Reply(201, {"task_id": "t"})),
    "200 or 201, not readable, without a plain task id, cut off or over 5 MB": answering(
        Reply(201, {"task_id": ".."}),
        Reply(200, b"<html>"),
        Reply(201, {"other": 1}),
        Reply(201, {"task_id": "t"}, ending="cut"),
        Reply(200, b'{"task_id":"t"}' + b" " * MAX_ANSWER),
    ),
    "401, 403, or a code of keys and tokens (2, 5, 40 to 43, 99)": answering(
        Reply(401, b""), Reply(403, b""), *codes(2, 5, 40, 41, 42, 43, 99)
    ),
    "404 with code 16": answering(*codes(16, status=404)),
    "404 otherwise": answering(Reply(404, b"nothing here"), *codes(4, status=404)),
    "408": answering(Reply(408, b"")),
    "429, or code 9": answering(Reply(429, b""), *codes(9, status=429), *codes(9)),
    "any other 4xx": answering(*codes(4, 17, 22), Reply(409, b""), Reply(413, b""), Reply(422, b"")),
    "3xx": answering(*(Reply(status, b"", (("Location", "/x"),)) for status in (301, 302, 307, 308))),
    "5xx": answering(*(Reply(status, b"") for status in (500, 502, 503, 504))),
    "no such host, connection refused, connect time-out, TLS": unreachable,
    "read time-out, reset, total time-out": answering(Reply(ending="silent"), Reply(ending="reset")),
    "base URL, key or secret missing or unfit": unfit,
}
ROWS = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \| [^|]+ \|$", PAGE.read_text(), re.M)[1:]


def test_every_row_of_the_table_is_brought_about() -> None:
    assert [answer for answer, _ in ROWS if not answer.startswith("-")] == list(BRING)


@pytest.mark.parametrize(("answer", "meaning"), [row for row in ROWS if row[0] in BRING], ids=lambda text: text[:30])
def test_each_answer_means_what_the_table_says(answer: str, meaning: str) -> None:
    named = re.search(r"`(\w+)`", meaning)
    expected: type = getattr(errors, named[1]) if named else Accepted

    found = BRING[answer]()

    assert [type(result) for result in found] == [expected] * len(found)
    if expected is errors.RateLimited:
        assert all(isinstance(error, errors.RateLimited) and error.retry_after >= 1 for error in found)
