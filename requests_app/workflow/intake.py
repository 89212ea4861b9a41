"""What is written down of a request, and what must hold of it: field by field, whoever brings it.

The form, a row of an uploaded file and any other door ask here and say the same sentences. The verbs ask again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from requests_app.enums import Channel, Ground, IdentityMethod
from requests_app.models import StreamApp
from requests_app.workflow import deadlines
from requests_app.workflow import plan as plans
from requests_app.workflow.plan import Plan, Problem

# Characters.
MAX_NAME = 200
MAX_EMAIL = 254
MAX_NOTE = 4000

NO_SUCH_APP = "This Stream app takes no new requests. Choose another one."
NO_SUCH_WAY = "There is no such way. Choose one of the list."
NO_SUCH_GROUND = "Art. 17(1) has no such ground. Choose one of the list."
NO_EMAIL = "This is no e-mail address. Correct it or leave it empty."
ZERO_CHARACTER = "This holds a character with the number zero, which no text has. Take it out."


@dataclass(frozen=True, kw_only=True)
class Intake:
    """What an agent writes down of a request."""

    stream_app: StreamApp
    plan: Plan
    received_on: date
    channel: Channel
    requester_name: str = ""
    requester_email: str = ""
    ground: str = ""
    note: str = ""
    # How the identity was confirmed, where it was.
    identity_method: str = ""


def too_long(most: int) -> str:
    """The sentence for a text with more than `most` characters."""
    return f"This has more than {most} characters. Shorten it."


def problems(intake: Intake, *, today: date) -> Iterator[Problem]:
    """Everything that does not hold, each at its field; `today` is the day of receipt for what comes in now."""
    yield from plans.problems(intake.plan)
    late = deadlines.check_received_on(intake.received_on, today)
    if late:
        yield Problem("received_on", late)
    if not intake.stream_app.is_active:
        yield Problem("stream_app", NO_SUCH_APP)
    if intake.channel not in set(Channel):
        yield Problem("channel", NO_SUCH_WAY)
    if intake.identity_method and intake.identity_method not in set(IdentityMethod):
        yield Problem("identity_method", NO_SUCH_WAY)
    if intake.ground and intake.ground not in set(Ground):
        yield Problem("ground", NO_SUCH_GROUND)
    if not is_email_or_empty(intake.requester_email):
        yield Problem("requester_email", NO_EMAIL)
    yield from _of_texts(intake)


def is_email_or_empty(text: str) -> bool:
    """Whether mail could be sent there, or nobody wants to."""
    try:
        if text:
            validate_email(text)
    except ValidationError:
        return False
    return True


def _of_texts(intake: Intake) -> Iterator[Problem]:
    """What the columns do not take, as long as PostgreSQL has them, on SQLite too."""
    bounds = {"requester_name": MAX_NAME, "requester_email": MAX_EMAIL, "note": MAX_NOTE}
    for name, most in bounds.items():
        text = getattr(intake, name)
        if len(text) > most:
            yield Problem(name, too_long(most))
        if "\0" in text:
            yield Problem(name, ZERO_CHARACTER)
