"""Whatever is sent to whatever address, by whomever: an answer that says what is wrong, and never an error of ours."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from requests_app import forms as all_forms
from requests_app.enums import Kind, Mode, State, Verb
from requests_app.models import AuditEntry, Ticket
from tests import factories
from tests.functional.test_role_answers import ANSWERS, address, visitor
from tests.undone import undone

pytestmark = pytest.mark.django_db

# What pages send along without a form of Django's.
BARE_FIELDS = """
accounts action after as before body copied copy csrfmiddlewaretoken decided_by differs draft from hold_calls kept kind
language next part preset q query revision session shown ticket tickets to v view
"""
PEOPLE = ("ada", "dora", "otto", "ruth")
EXPECTED = {200, 204, 302, 403, 404, 405, 409, 413, 422}
ODD = [
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\u202eid",
    "\u200b",
    "ÖÖ\u0308",
    "-1",
    "0",
    "9" * 5_000,
    "9" * 19,
    "1e9",
    "NaN",
    "x" * 5_000,
    "' OR 1=1 --",
    "{{ 7|add:7 }}",
    "<script>",
    "DSR-000001",
    "DSR-" + "9" * 18,
    "2026-02-30",
    "9999-12-31",
    "0001-01-01",
    "on",
    "yes",
    "submit",
    "a@b",
    "../..",
    "u_1\r\nu_1",
]


def _fields() -> Iterator[str]:
    for module in pkgutil.iter_modules(all_forms.__path__):
        for known in vars(import_module(f"{all_forms.__name__}.{module.name}")).values():
            if isinstance(known, type) and issubclass(known, forms.BaseForm):
                yield from known.base_fields  # type: ignore[attr-defined]


FIELDS = sorted({*_fields(), *BARE_FIELDS.split()})
# Every word that stands in the address of a ticket or the state of its plan: some of what is sent is taken.
WORDS = [one.value for vocabulary in (Kind, Mode, State, Verb) for one in vocabulary]
VALUES = st.one_of(st.sampled_from(ODD), st.sampled_from(WORDS), st.text(max_size=40))
SENT = st.dictionaries(st.sampled_from(FIELDS), st.lists(VALUES, min_size=1, max_size=3), max_size=12)


@pytest.fixture
def ticket() -> Ticket:
    return factories.submitted(factories.erase_plan("matrix-user"))


def send(client: Client, method: str, url: str, values: dict[str, Any], file: bytes | None, **headers: Any) -> Any:
    """As a browser encodes it, or somebody who sends bytes that no browser would."""
    if file is not None and method == "post":
        fit = {name: [str(one).encode(errors="replace") for one in some] for name, some in values.items()}
        return client.post(url, {**fit, "file": SimpleUploadedFile("requests.csv", file)}, **headers)
    encoded = urlencode(values, doseq=True, errors="surrogatepass")
    if method == "get":
        return client.get(url, QUERY_STRING=encoded, **headers)
    return client.post(url, encoded, content_type="application/x-www-form-urlencoded", **headers)


def about(ticket: Ticket, sent: dict[str, list[str]], knows: bool) -> dict[str, list[str]]:
    """What was made up, over what a page of this ticket would send where somebody knows that."""
    shown = {
        "plan_digest": ticket.plan_digest,
        "revision": str(ticket.revision),
        "confirm_user_id": "matrix-user",
        "stream_app": str(ticket.stream_app_id),
        "note": "Because.",
        "reason": "Because.",
        "user_id": "matrix-user",
    }
    return {**({name: [value] for name, value in shown.items()} if knows else {}), **sent}


@given(
    name=st.sampled_from(sorted(ANSWERS)),
    who=st.sampled_from(PEOPLE),
    method=st.sampled_from(["get", "post", "post", "post"]),
    sent=SENT,
    knows=st.booleans(),
    htmx=st.booleans(),
    file=st.none() | st.binary(max_size=200),
)
@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_it_is_answered(
    ticket: Ticket, name: str, who: str, method: str, sent: dict[str, Any], knows: bool, htmx: bool, file: bytes | None
) -> None:
    headers = {"HX-Request": "true"} if htmx else {}
    with undone():
        answer = send(visitor(who), method, address(name), about(ticket, sent, knows), file, headers=headers)

        # To its end, as a browser reads it: what is written meanwhile can fail as well.
        answer.getvalue()
        assert answer.status_code in EXPECTED, (name, who, method, answer.status_code)
        numbers = list(AuditEntry.objects.order_by("seq").values_list("seq", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))
