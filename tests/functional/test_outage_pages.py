"""Pages and a database that is locked or away: 503 and "busy", nothing changed, and no word of too many tries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.core.cache import caches
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from portal.unavailable import BUSY, server_error
from requests_app.enums import State
from requests_app.models import AuditEntry, Ticket
from tests import factories
from tests.outages import impatient, locked, unreachable
from tests.people import PASSWORD, person

pytestmark = pytest.mark.django_db(transaction=True)


def browser(name: str = "") -> Client:
    client = Client(raise_request_exception=False)
    if name:
        client.force_login(person(name))
    return client


def says_busy(answer: HttpResponse) -> str:
    """It is the portal's own answer, as strict as every other; returns its words."""
    words = answer.content.decode()
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Frame-Options"] == "DENY"
    assert re.fullmatch(r"[0-9a-f]{32}", answer["X-Request-ID"])
    assert "Traceback" not in words
    assert "Error" not in words
    assert "SELECT" not in words
    return words


@pytest.fixture
def counted_in_the_database(settings: Any) -> Iterator[None]:
    """Failed sign-ins are counted where they are without Redis."""
    settings.CACHES = {"default": {"BACKEND": "portal.cache.StrictDatabaseCache", "LOCATION": "portal_cache"}}
    call_command("createcachetable", verbosity=0)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE portal_cache")


def test_a_page_that_cannot_be_read_says_busy(caplog: pytest.LogCaptureFixture) -> None:
    client = browser("dora")
    with unreachable():
        words = says_busy(client.get("/tickets/"))

    assert "<h1>The portal is busy</h1>" in words
    assert "Try again in a moment." in words
    assert "what you sent" not in words
    told = [record for record in caplog.records if record.name in {"portal.database", "django.request"}]
    assert [record.getMessage() for record in told] == [
        "A request was not answered: the database does not answer (OperationalError)."
    ]
    assert not told[0].exc_info
    assert client.get("/tickets/").status_code == 200


def test_the_page_of_another_error_says_busy_as_well() -> None:
    """Not found is a page with a frame, and the frame is read from the database."""
    client = browser("dora")
    with unreachable():
        says_busy(client.get("/nowhere/"))


def test_what_only_reads_goes_on_while_somebody_writes() -> None:
    client = browser("dora")
    with locked():
        assert client.get("/tickets/").status_code == 200


@pytest.mark.parametrize("away", [locked, unreachable])
def test_a_verb_that_cannot_be_written_changes_nothing(away: Any) -> None:
    ticket = factories.submitted()
    client, entries = browser("ada"), AuditEntry.objects.count()
    url = reverse("ticket-cancel", args=[ticket.reference])
    with away():
        words = says_busy(client.post(url, {"note": "withdrawn"}))

    assert "Look first whether what you sent arrived" in words
    assert Ticket.objects.get(pk=ticket.pk).state == State.AWAITING_DECISION
    assert AuditEntry.objects.count() == entries
    assert client.post(url, {"note": "withdrawn"}).status_code == 302
    assert Ticket.objects.get(pk=ticket.pk).state == State.CANCELLED


def test_htmx_gets_a_sentence_and_no_page() -> None:
    client = browser("dora")
    with unreachable():
        answer = client.get("/tickets/", headers={"HX-Request": "true"})

    assert says_busy(answer) == BUSY
    assert answer["Content-Type"].startswith("text/plain")


def test_a_script_that_asks_for_json_gets_json() -> None:
    client = browser("dora")
    with unreachable():
        answer = client.get("/signed-in/", headers={"Accept": "application/json"})

    says_busy(answer)
    assert answer.json() == {"status": "busy"}


@pytest.mark.usefixtures("counted_in_the_database")
@pytest.mark.parametrize("away", [locked, unreachable])
def test_signing_in_meanwhile_says_busy_and_not_too_many_tries(away: Any) -> None:
    person("dora")
    client = browser()
    typed = {"login": "dora", "password": PASSWORD}
    with away():
        words = says_busy(client.post("/accounts/login/", typed))

    assert "too many" not in words.lower()
    assert client.post("/accounts/login/", typed).status_code == 302
    assert client.session[SESSION_KEY]


@pytest.fixture
def redis_is_away(settings: Any) -> None:
    """Failed sign-ins are counted in a Redis that nobody can reach."""
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    }


def test_signing_in_while_redis_is_away_says_busy_and_names_it(
    redis_is_away: None, caplog: pytest.LogCaptureFixture
) -> None:
    person("ada")

    words = says_busy(browser().post("/accounts/login/", {"login": "ada", "password": PASSWORD}))

    assert "Its Redis server cannot be reached" in words
    assert "database" not in words
    assert "too many" not in words.lower()
    assert "A request was not answered: Redis does not answer (ConnectionError)." in caplog.messages


@pytest.mark.usefixtures("counted_in_the_database")
def test_guessing_is_still_counted_in_the_database() -> None:
    person("dora")
    client = browser()

    answers = [client.post("/accounts/login/", {"login": "dora", "password": "wrong"}) for _ in range(12)]

    assert "Too many failed" in answers[-1].content.decode() or answers[-1].status_code == 429


@pytest.mark.usefixtures("counted_in_the_database")
def test_the_cache_fails_where_the_database_does_and_only_there() -> None:
    store = caches["default"]
    with impatient() as lock:
        assert store.add("lock", 1)
        assert not store.add("lock", 2)
        assert not store.touch("nothing")
        lock.take()
        for write in (lambda: store.add("other", 1), lambda: store.set("lock", 3), lambda: store.touch("lock")):
            with pytest.raises(OperationalError):
                write()
    assert store.get("lock") == 1


def test_the_probes_keep_their_meaning() -> None:
    with unreachable():
        alive, ready = browser().get("/healthz"), browser().get("/readyz")

    assert (alive.status_code, ready.status_code) == (200, 503)
    assert ready.json()["checks"]["database"]["says"] == "The database does not answer."


def test_the_probes_ask_nothing_about_whoever_looks_at_them() -> None:
    """Somebody who is signed in opens them in the browser: their session is in the database that does not answer."""
    person = browser()
    person.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    with unreachable():
        alive, ready = person.get("/healthz"), person.get("/readyz")

    assert (alive.status_code, ready.status_code) == (200, 503)
    assert ready.json()["checks"]["database"]["says"] == "The database does not answer."


@pytest.mark.parametrize("error", [IntegrityError("duplicate key"), RuntimeError("broken")])
def test_a_fault_stays_an_error(error: Exception) -> None:
    try:
        raise error
    except type(error):
        answer = server_error(RequestFactory().get("/"))

    assert answer.status_code == 500


def test_a_table_that_is_missing_is_a_fault() -> None:
    with pytest.raises(Exception, match="nowhere") as caught, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM nowhere")
    try:
        raise caught.value
    except type(caught.value):
        answer = server_error(RequestFactory().get("/"))

    assert answer.status_code == 500
