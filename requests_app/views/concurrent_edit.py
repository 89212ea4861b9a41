"""Two people changed one draft: whoever saves second sees what differs, and chooses for each field what is to hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Model
from django.forms import BoundField
from django.http import HttpRequest, QueryDict
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from requests_app.forms.ticket import TicketForm, YesNoField, initial_of
from requests_app.models import Ticket

# In the form: the fields that differed, and the choice for each.
DIFFERS, CHOICE = "differs", "hold_{}"
SAVED, TYPED = "saved", "typed"
STILL_TO_CHOOSE = gettext_lazy("Choose for each field that differs what is to hold. Nothing is saved before.")


@dataclass(frozen=True)
class Difference:
    """One field: what is saved and what was typed, in words, and what is chosen of the two, empty for none yet."""

    name: str
    label: str
    saved: str
    typed: str
    chosen: str
    complain: bool = False

    @property
    def choice(self) -> str:
        """The name of its choice in the form."""
        return CHOICE.format(self.name)


def differences(form: TicketForm, ticket: Ticket, *, complain: bool = False) -> tuple[Difference, ...]:
    """The fields in which the form that was sent and the stored ticket differ, in the order of the form.

    With `complain`, what is still to be chosen is said at its field.
    """
    stored = TicketForm(today=form.today, clock=form.clock, apps=form.apps, ticket=ticket)
    kept = initial_of(ticket)
    found = []
    for name in form.fields:
        if name not in kept:
            continue
        saved, typed = _words(stored[name]), _words(form[name])
        if saved != typed:
            chosen = form.data.get(CHOICE.format(name), "")
            label = str(form.fields[name].label)
            found.append(Difference(name, label, saved, typed, chosen, complain and chosen not in {SAVED, TYPED}))
    return tuple(found)


def asked_about(
    request: HttpRequest, form: TicketForm, ticket: Ticket, *, complain: bool = False
) -> tuple[Difference, ...]:
    """Of the fields about which the page of this form asked, those that still differ."""
    names = set(request.POST.getlist(DIFFERS))
    found = differences(form, ticket, complain=complain) if names else ()
    return tuple(one for one in found if one.name in names)


def undecided(request: HttpRequest, form: TicketForm, ticket: Ticket) -> tuple[Difference, ...]:
    """The same where one of them is not chosen yet, with the complaint at it; else nothing."""
    found = asked_about(request, form, ticket, complain=True)
    return found if any(one.complain for one in found) else ()


def with_choices(data: QueryDict, ticket: Ticket) -> QueryDict:
    """What was sent, with what is saved wherever that was chosen."""
    kept = initial_of(ticket)
    for name in data.getlist(DIFFERS):
        if name in kept and data.get(CHOICE.format(name)) == SAVED:
            data[name] = _as_sent(kept[name])
    return data


def _as_sent(value: Any) -> str:
    """A stored value as a form sends it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return "\n".join(value)
    return value.isoformat() if isinstance(value, date) else str(getattr(value, "value", value))


def _words(field: BoundField) -> str:
    """What a field holds, as people read it: what was sent as it was understood."""
    understood = getattr(field.form, "cleaned_data", {})
    value = understood.get(field.name, field.value())
    value = value.pk if isinstance(value, Model) else value
    if isinstance(field.field, YesNoField):
        return _("Yes") if field.field.widget.check_test(value) else _("No")
    if isinstance(value, date):
        return date_format(value, "j M Y")
    text = "\n".join(value) if isinstance(value, tuple | list) else str(getattr(value, "value", value) or "")
    return _label(field, text) or _("nothing")


def _label(field: BoundField, value: str) -> str:
    """The words of a choice; what is no choice is its own words, without blanks at its ends."""
    choices: Iterable[Any] = getattr(field.field, "choices", ())
    words = {str(key): str(label) for key, label in choices}
    if value in words:
        return words[value] if value else ""
    return "\n".join(line.strip() for line in value.splitlines() if line.strip())
