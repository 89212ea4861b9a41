"""A small mail server on a free port of this machine: it takes mails, and can be told to go wrong (RFC 5321)."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


@dataclass
class MailServer:
    """What it took, and how it behaves: `answers` by command, `hangs_at` and `leaves_at` name one.

    `dot` stands for the end of a mail's content. What hangs goes on once `release` is set.
    """

    port: int = 0
    taken: list[EmailMessage] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    hangs_at: str = ""
    leaves_at: str = ""
    heard: list[str] = field(default_factory=list)
    reached: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """As EMAIL_URL wants it."""
        return f"smtp://127.0.0.1:{self.port}"


class _Left(Exception):
    pass


class _Talk(socketserver.StreamRequestHandler):
    server: _Server

    def say(self, command: str, usual: str) -> bool:
        """Answer as told for this command; False where it was refused."""
        told = self.server.told
        told.heard.append(command)
        if told.hangs_at == command:
            told.reached.set()
            told.release.wait(60)
        if told.leaves_at == command:
            raise _Left
        answer = told.answers.get(command, usual)
        self.wfile.write(f"{answer}\r\n".encode())
        return answer[0] in "23"

    def handle(self) -> None:
        try:
            if self.say("greeting", "220 here"):
                while line := self.rfile.readline():
                    if not self.one(line.decode().strip()):
                        break
        except (_Left, OSError):
            return

    def one(self, line: str) -> bool:
        word = line.split(" ")[0].split(":")[0].lower()
        if word == "data":
            if self.say("data", "354 go on"):
                self.content()
            return True
        self.say(word, "221 bye" if word == "quit" else "250 fine")
        return word != "quit"

    def content(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line)
        # It is taken before it is answered: the client may never hear of it.
        mail = message_from_bytes(b"".join(lines), policy=policy.default)
        if self.server.told.answers.get("dot", "2")[0] == "2":
            self.server.told.taken.append(mail)
        self.say("dot", "250 taken")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    told: MailServer


@contextmanager
def running_mail_server(**behaviour: Any) -> Iterator[MailServer]:
    """Start one, and stop it again."""
    server = _Server(("127.0.0.1", 0), _Talk)
    server.told = MailServer(port=server.server_address[1], **behaviour)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.told
    finally:
        server.told.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
