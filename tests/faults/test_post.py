"""Workers that send mails are killed with the mail server still at it: each mail is sent once, or nobody knows."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

from tests.own_portal import OwnPortal, own_portal
from tests.patience import until
from tests.smtp_server import MailServer, running_mail_server
from tests.warm_python import Child

MAILS = 12
KILLS = 3
HOUR = 3600


def errand(words: str) -> str:
    return f"from tests.faults import errands; errands.{words}"


def worker(portal: OwnPortal) -> Child:
    return portal.start("shell", "--no-imports", "-c", errand("send_mails()"))


def told(server: MailServer) -> Counter[str]:
    """How often the server took each mail."""
    return Counter(str(mail["Message-ID"]) for mail in server.taken)


def test_killed_with_the_mail_in_the_servers_hands_it_is_never_sent_twice(tmp_path: Path) -> None:
    with running_mail_server() as server, own_portal(tmp_path, EMAIL_URL=server.url, MAIL_SECONDS="60") as portal:
        portal.manage("shell", "--no-imports", "-c", errand(f"write_mails({MAILS})"))
        for _ in range(KILLS):
            server.reached.clear()
            server.release.clear()
            server.hangs_at = "dot"
            pair = [worker(portal), worker(portal)]
            until(server.reached.is_set, seconds=30, what="a mail to reach the server")
            for child in pair:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            server.release.set()
        server.hangs_at = ""

        pair = [worker(portal), worker(portal)]
        assert [child.wait(timeout=60) for child in pair] == [0, 0]
        # Whatever was on its way when its worker was killed stays as it is, however late it gets.
        states = portal.say(errand(f"send_mails({100 * HOUR})"))

        counted = told(server)
        assert set(counted.values()) == {1}
        assert states["sent"] + states["unknown"] == MAILS
        assert KILLS <= states["unknown"] <= 2 * KILLS
        assert states["sent"] <= len(counted) <= MAILS
