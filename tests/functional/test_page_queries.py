"""The page of a ticket asks for what there is, each thing once; a piece of it asks nothing for the frame."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from requests_app.models import Ticket
from tests import factories
from tests.people import signed_in

pytestmark = pytest.mark.django_db

# Of a ticket that waits for its decision, and of one that runs: where it stands, to be brought down.
MOST = {"submitted": (22, 18), "running": (28, 24)}
# What tells that nothing has changed.
MOST_UNCHANGED = 8
# Tables that only the frame around every page reads.
FRAME = ("requests_app_heartbeat", "requests_app_streamapp ")


def asked(client: Client, url: str) -> list[str]:
    """What a visit asks, the edges of transactions left out."""
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code in {200, 204}
    words = [query["sql"] for query in queries]
    return [word for word in words if not word.startswith(("SAVEPOINT", "RELEASE"))]


def page(ticket: Ticket) -> str:
    return f"/tickets/{ticket.reference}/"


@pytest.mark.parametrize("state", MOST)
def test_a_ticket_and_what_moves_of_it_take_few_queries(state: str) -> None:
    ticket = getattr(factories, state)(factories.erase_plan("u_1"))
    dora = signed_in("dora")
    dora.get(page(ticket))

    whole, piece = asked(dora, page(ticket)), asked(dora, f"{page(ticket)}progress/")

    assert len(whole) <= MOST[state][0]
    assert len(piece) <= MOST[state][1]
    assert len(set(whole)) == len(whole)


def test_an_open_page_on_which_nothing_changed_asks_least() -> None:
    ticket = factories.submitted(factories.erase_plan("u_1"))
    dora = signed_in("dora")
    drawn = dora.get(page(ticket)).content.decode()
    version = re.search(r"progress/\?v=([0-9a-f]+)", drawn)
    assert version is not None

    assert len(asked(dora, f"{page(ticket)}progress/?v={version[1]}")) <= MOST_UNCHANGED


def test_a_piece_of_a_page_does_not_read_what_frames_pages() -> None:
    ticket = factories.submitted(factories.erase_plan("u_1"))
    dora = signed_in("dora")

    def reads_frame(url: str) -> bool:
        words = " ".join(asked(dora, url)).replace('"', "")
        return any(f"FROM {table}" in words for table in FRAME)

    assert reads_frame(page(ticket))
    assert not reads_frame(f"{page(ticket)}progress/")
