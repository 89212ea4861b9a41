"""A real browser before a real server: the portal, the stand-in for Stream, and the engine when a test lets it run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from requests_app.models import StreamApp
from tests import factories
from tests.machine import CHROMIUM, missing
from tests.people import CAST, PASSWORD, person, signed_in
from tests.sandbox_server import StandIn, running_sandbox

# The browser's own loop makes Django think that the test is asynchronous.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
SignIn = Callable[..., Page]
# Milliseconds; a busy machine takes its time to answer a page's own requests.
PATIENCE = 15_000
expect.set_options(timeout=PATIENCE)


def press(page: Page, *keys: str) -> None:
    """Press keys one after the other, once the page that is shown listens: its scripts come after its text."""
    page.wait_for_load_state()
    for key in keys:
        page.keyboard.press(key)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each of these needs committed rows: the server answers on another connection."""
    for item in items:
        if "tests/browser/" in str(item.path):
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        missing("browser")
    # Once the browser's loop runs, Django opens another connection in this thread. One left from before would be there
    # again in a forked process, which has no loop, and both would speak over it at once.
    connections.close_all()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with running_sandbox() as started:
        yield started


@pytest.fixture
def app(db: None, stand_in: StandIn) -> StreamApp:
    return factories.stream_app(base_url=stand_in.base_url, api_key=stand_in.key)


@pytest.fixture
def sign_in(browser: Browser, live_server: Any) -> Iterator[SignIn]:
    """Opens a window of somebody's own, who has just signed in; complaints of the browser fail the test.

    `by_form` lets them sign in as people do. Otherwise their session is there already, which takes a second less.
    """
    complaints: list[str] = []
    contexts = []

    def heard(message: ConsoleMessage) -> None:
        # Answers with 403, 409 and 422 are what the portal means to say; the browser counts them as errors.
        # htmx counts it as one when a newer choice takes the place of a request that is still on its way.
        meant = ("the server responded with a status of 4", "htmx:sendAbort", "htmx:afterRequest")
        # Tests take the connection away.
        meant += ("net::ERR_INTERNET_DISCONNECTED",)
        # Tests take the database away.
        meant += ("the server responded with a status of 503", "Response Status Error Code 503")
        if message.type == "error" and not any(words in message.text for words in meant):
            complaints.append(message.text)

    def window(name: str = "", *, by_form: bool = False, **options: Any) -> Page:
        context = browser.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if name and not by_form:
            session = signed_in(name).cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
            page.goto("/")
        elif name:
            assert CAST[name]
            person(name)
            page.goto("/accounts/login/")
            page.get_by_label("Username").fill(name)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(f"{live_server.url}/")
        return page

    yield window
    for context in contexts:
        context.close()
    assert complaints == []
