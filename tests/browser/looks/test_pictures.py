"""The pictures of the README and the docs are of the portal as it is.

`make pictures` takes them anew. In every other run the pages are opened as they were then, and what can be read on them
(headings, buttons, labels, columns) is compared with the text kept beside each picture: a page that changed is told.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from portal.environment import ROOT
from requests_app.audit import checkpoints
from requests_app.engine import effect_preview, sweep
from requests_app.enums import Channel, IdentityMethod, IdentityResult, Mode
from requests_app.models import StreamApp, Ticket
from requests_app.workflow import identity
from tests import factories
from tests.browser.conftest import SignIn
from tests.people import actor

FOLDER = ROOT / "docs" / "images"
TAKE = os.environ.get("PICTURES") == "1"
WIDE = {"width": 1180, "height": 820}
READABLE = "h1, h2, h3, button, label, legend, summary, th, dt"


@dataclass(frozen=True)
class Picture:
    """One page as somebody sees it; the text is the same in both schemes."""

    name: str
    who: str
    path: Callable[[Ticket], str]
    schemes: tuple[str, ...] = ("light", "dark")


PICTURES = (
    Picture("ticket", "dora", lambda ticket: f"/tickets/{ticket.reference}/"),
    Picture("work", "dora", lambda _: "/", ("light",)),
    Picture("form", "ada", lambda _: "/tickets/new/?kind=erase", ("light",)),
    Picture("audit", "otto", lambda _: "/audit/", ("light",)),
)


def stage(app: StreamApp) -> Ticket:
    """A day's work: one ticket that waits with everything a decision needs, and others beside it."""
    today, now = timezone.localdate(), timezone.now()
    plan = factories.erase_plan("marie.curie", calls=Mode.HARD, copy_first=True, new_channel_owner_id="svc-archive")
    who = {"requester_name": "Marie Curie", "requester_email": "marie@example.org", "channel": Channel.EMAIL}
    waits = factories.draft(plan, app=app, received_on=today - timedelta(days=6), **who)
    checked = {"method": IdentityMethod.EMAIL_LOOP, "result": IdentityResult.CONFIRMED}
    identity.record(waits, actor=actor("ada"), now=now, **checked)
    waits = factories.tickets.submit(waits, actor=actor("ada"), now=now)
    effect_preview.make(waits, actor=actor("dora"), now=now)
    factories.submitted(factories.export_plan("jonas-weber"), app=app, by="ben")
    factories.stopped(factories.soft_plan("b.kowalski"), app=app)
    factories.completed(factories.export_plan("l.haddad"), app=app)
    factories.sent_back(factories.erase_plan("t.nowak"), app=app)
    checkpoints.make(actor=factories.WORKER, now=now)
    sweep.beat(now)
    return Ticket.objects.get(pk=waits.pk)


def readable(page: Page) -> str:
    """What the page says, a line each, without the numbers and dates of the day."""
    lines = page.locator(READABLE).all_inner_texts()
    said = [" ".join(re.sub(r"\S*\d\S*", "#", line).split()) for line in lines]
    # Buttons that copy a hash stand for a value of the day, and do not all have a digit in what is shown of it.
    return "\n".join(line for line in said if line and "copy" not in line) + "\n"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_the_pictures_are_of_the_portal_as_it_is(picture: Picture, sign_in: SignIn, app: StreamApp) -> None:
    ticket, text = stage(app), FOLDER / f"{picture.name}.txt"
    for scheme in picture.schemes:
        page = sign_in(picture.who, viewport=WIDE, color_scheme=scheme)
        page.goto(picture.path(ticket))
        page.wait_for_load_state("networkidle")
        if TAKE:
            page.screenshot(path=FOLDER / f"{picture.name}-{scheme}.png")
            text.write_text(readable(page))

        assert (FOLDER / f"{picture.name}-{scheme}.png").exists()
        assert readable(page) == text.read_text(), "The page has changed: say `make pictures`, and look at them."
