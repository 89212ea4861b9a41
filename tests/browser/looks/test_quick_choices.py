"""Choices at any speed, with answers that come when they like: what is stored is what was chosen.

A few runs for each verdict; `make quick-choices RUNS=200` plays many.
"""

from __future__ import annotations

import os
import random
import re
import time

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from requests_app.enums import Kind, Mode
from requests_app.models import StreamApp, Ticket
from requests_app.workflow.plan import MODES, Plan, problems
from tests.browser.conftest import SignIn

PLAN = "**/tickets/new/plan/"
# By the names of the plan's fields, in the order of the form.
GROUPS = {
    "feeds_data": "Feeds data",
    "user": "The user",
    "messages": "Messages",
    "conversations": "Conversations",
    "calls": "Calls",
}
# Milliseconds between two presses, and after which at the latest an answer is on its way.
PAUSES = (30, 60, 120, 200, 400)
LATEST = 400
RUNS = int(os.environ.get("QUICK_RUNS", len(PAUSES)))
SEED = os.environ.get("QUICK_SEED", "20261128")


class LateAnswers:
    """The form's questions about the plan, each let through after a time of its own; so answers overtake each other."""

    def __init__(self, page: Page, dice: random.Random) -> None:
        self._page = page
        self._dice = dice
        self._waiting: list[tuple[float, Route]] = []
        page.route(PLAN, self._keep)

    def spend(self, milliseconds: float) -> None:
        """Let time pass, and let through whatever is to go meanwhile."""
        ends = time.monotonic() + milliseconds / 1000
        while (now := time.monotonic()) < ends:
            for entry in [entry for entry in self._waiting if entry[0] <= now]:
                self._waiting.remove(entry)
                entry[1].continue_()
            self._page.wait_for_timeout(min(8, (ends - now) * 1000))

    def _keep(self, route: Route) -> None:
        self._waiting.append((time.monotonic() + self._dice.uniform(0, LATEST) / 1000, route))


def sound_modes(user_id: str, dice: random.Random) -> dict[str, Mode]:
    """Any modes that a plan may have together."""
    while True:
        modes: dict[str, Mode] = {name: dice.choice(known) for name, known in MODES.items()}
        if not problems(Plan(kind=Kind.ERASE, user_ids=(user_id,), **modes)):
            return modes


def group(page: Page, name: str) -> Locator:
    return page.get_by_role("radiogroup", name=GROUPS[name])


def after_a_usual_way(page: Page, modes: dict[str, Mode], pause: int, time_passes: LateAnswers) -> None:
    """One that leaves the files alone fills the modes in, and then each is chosen."""
    page.locator(".presets button").nth(1 + len(modes["user"].value) % 2).click()
    time_passes.spend(pause)
    by_mouse(page, modes, pause, time_passes)


def by_mouse(page: Page, modes: dict[str, Mode], pause: int, time_passes: LateAnswers) -> None:
    for name, mode in modes.items():
        group(page, name).locator(f"label:has(input[value={mode.value}])").click()
        time_passes.spend(pause)


def by_keys(page: Page, modes: dict[str, Mode], pause: int, time_passes: LateAnswers) -> None:
    """Tab from group to group, arrows within it."""
    for name, mode in modes.items():
        inputs = group(page, name).locator("input")
        values = [one.get_attribute("value") for one in inputs.all()]
        chosen = values.index(group(page, name).locator("input:checked").get_attribute("value"))
        inputs.nth(chosen).focus()
        steps = values.index(mode.value) - chosen
        for _ in range(abs(steps)):
            page.keyboard.press("ArrowRight" if steps > 0 else "ArrowLeft")
            time_passes.spend(pause)


@pytest.mark.timeout(60 + 20 * RUNS)
def test_what_is_stored_is_what_was_chosen_however_fast(sign_in: SignIn, app: StreamApp) -> None:
    ada, dice = sign_in("ada"), random.Random(SEED)
    time_passes = LateAnswers(ada, dice)

    different = []
    for run in range(RUNS):
        user_id, pause = f"quick-{run}", PAUSES[run % len(PAUSES)]
        modes, hand = sound_modes(user_id, dice), dice.choice((by_mouse, by_keys, after_a_usual_way))
        ada.goto("/tickets/new/?kind=erase")
        ada.get_by_label("Stream user ids").fill(user_id)
        expect(ada.locator("#look-up")).to_contain_text(user_id)
        hand(ada, modes, pause, time_passes)
        ada.get_by_role("button", name="Save draft").click()
        time_passes.spend(LATEST)
        ada.wait_for_url(re.compile("/tickets/DSR-"))
        stored = Ticket.objects.get(accounts__user_id=user_id).plan
        if any(stored[name] != mode.value for name, mode in modes.items()):
            different.append((run, pause, hand.__name__, modes, stored))

    assert different == [], f"QUICK_SEED={SEED}"
