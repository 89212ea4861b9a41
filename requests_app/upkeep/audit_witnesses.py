"""Each minute: give the audit log's new checkpoints to whoever keeps them outside the database.

The file gets what it missed, people get a mail at most once an hour, a web address gets one post a checkpoint. Who
cannot be reached is asked again after a pause that grows up to an hour.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import requests
from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _

from requests_app.audit import witnesses
from requests_app.audit.actor import Actor
from requests_app.models import AuditCheckpoint
from requests_app.stream.credentials import check_base_url
from requests_app.stream.errors import ConfigurationError

MAIL_EVERY = timedelta(hours=1)
# Seconds: to connect, and between two pieces of the answer.
TIMEOUTS = (3.05, 10)
# Posts of one turn; what is left comes a minute later.
POSTS = 10


class NotTaken(Exception):
    """The witness answered, but did not take the checkpoint."""


def run(actor: Actor, now: datetime) -> None:
    """Hand out what each witness does not have yet."""
    wanted = witnesses.configured()
    witnesses.write_file(now=now)
    if wanted[witnesses.WEB] and witnesses.is_due(witnesses.WEB, now=now):
        _post(now=now)
    if wanted[witnesses.MAIL] and witnesses.is_due(witnesses.MAIL, now=now):
        _mail(now=now)


def _post(*, now: datetime) -> None:
    for checkpoint in witnesses.waiting(witnesses.WEB)[:POSTS]:
        try:
            _hand_over(checkpoint)
        except (requests.RequestException, ConfigurationError, NotTaken) as error:
            # An error of `requests` repeats the whole URL.
            why = type(error).__name__ if isinstance(error, requests.RequestException) else str(error)
            witnesses.failed(witnesses.WEB, why=f"AUDIT_WITNESS_URL: {why}", now=now)
            return
        witnesses.reached(witnesses.WEB, size=checkpoint.size, now=now)


def _hand_over(checkpoint: AuditCheckpoint) -> None:
    answer = requests.post(
        check_base_url(settings.AUDIT_WITNESS_URL),
        data=checkpoint.note.encode(),
        headers={"Content-Type": "text/plain; charset=utf-8"},
        timeout=TIMEOUTS,
        allow_redirects=False,
        # What it says is of no use here, however long it is.
        stream=True,
    )
    answer.close()
    if not 200 <= answer.status_code < 300:
        raise NotTaken(f"it answered {answer.status_code}")


def _mail(*, now: datetime) -> None:
    found = witnesses.waiting(witnesses.MAIL)
    if not found:
        return
    newest = found[-1]
    opening = _(
        "These are the newest signed checkpoints of the audit log of the data-request portal. Keep this mail: "
        "whoever changes the log later cannot change it, and audit_verifier.py compares the two."
    )
    message = EmailMessage(
        subject=_("Audit log checkpoint: %(count)s entries") % {"count": f"{newest.size:,}"},
        body=f"{opening}\n\n" + "\n".join(checkpoint.note for checkpoint in found),
        to=settings.AUDIT_WITNESS_MAIL,
    )
    try:
        message.send()
    except Exception as error:  # Mail backends raise what their transport raises.
        witnesses.failed(witnesses.MAIL, why=f"AUDIT_WITNESS_MAIL: {type(error).__name__}", now=now)
        return
    witnesses.reached(witnesses.MAIL, size=newest.size, now=now, rest=MAIL_EVERY)
