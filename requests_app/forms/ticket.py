"""The form of a request. It knows the fields and their words; whether a plan holds is asked of `workflow/plan.py`."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms

from requests_app.enums import Channel, Ground, IdentityMethod, Kind, Mode
from requests_app.models import StreamApp, Ticket
from requests_app.models.app import StreamAppQuerySet
from requests_app.workflow import deadlines, intake
from requests_app.workflow import plan as plans
from requests_app.workflow.intake import Intake
from requests_app.workflow.plan import Plan

_YES = {"yes", "on", "true", "1"}
_NO = {"no", "off", "false", "0", ""}
# Fields that belong to one kind alone; those of the other kind are not asked for, and must not be sent.
FLAGS = ("export_feeds_data", "export_user_data", "files", "copy_first")


class YesNoInput(forms.CheckboxInput):
    """A checkbox that also understands the words `yes` and `no` from clients without one."""

    def __init__(self) -> None:
        super().__init__(check_test=lambda value: value is True or str(value).lower() in _YES)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return str(data.get(name, "")).strip().lower()


class YesNoField(forms.Field):
    """Yes or no; anything else is refused instead of guessed at."""

    widget = YesNoInput

    def __init__(self, label: str) -> None:
        super().__init__(required=False, label=label)

    def to_python(self, value: Any) -> bool:
        word = str(value or "").lower()
        if word in _YES:
            return True
        if word in _NO:
            return False
        raise forms.ValidationError("Choose yes or no.")


class UserIdsField(forms.CharField):
    """Stream user ids, one a line. Blank lines are dropped; blanks inside an id are part of it."""

    # Asked for, though whether it is there is the plan's rule.
    widget = forms.Textarea(
        attrs={"rows": 3, "class": "mono", "spellcheck": "false", "autocomplete": "off", "required": True}
    )

    def to_python(self, value: Any) -> Any:
        lines = str(value or "").splitlines()
        return tuple(line.strip() for line in lines if line.strip())

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, tuple | list) else value

    def validate(self, value: Any) -> None:
        """The plan's rules say what is wrong with it."""

    def run_validators(self, value: Any) -> None:
        """None of those for one text."""


def _mode_field(name: str) -> forms.TypedChoiceField:
    modes = plans.MODES[name]
    return forms.TypedChoiceField(
        choices=[(mode.value, mode.label) for mode in modes],
        coerce=Mode,
        empty_value=Mode.KEEP,
        required=False,
        label=plans.LABELS[name].capitalize(),
        error_messages={
            "invalid_choice": "Stream has no mode “%(value)s” for this. Choose one of "
            + ", ".join(mode.value for mode in modes)
            + "."
        },
    )


def _of_text(most: int) -> dict[str, str]:
    """What is said of a text that does not hold."""
    return {"max_length": intake.too_long(most), "null_characters_not_allowed": intake.ZERO_CHARACTER}


class TicketForm(forms.Form):
    """What an agent writes down of a request."""

    kind = forms.TypedChoiceField(
        choices=Kind.choices(),
        coerce=Kind,
        label="What did the person ask for?",
        error_messages={
            "required": "Choose whether the person wants an export or an erasure.",
            "invalid_choice": "There is no request “%(value)s”. Choose export or erase.",
        },
    )
    stream_app = forms.ModelChoiceField(
        StreamApp.objects.none(),
        label="Stream app",
        empty_label="Choose an app",
        error_messages={
            "required": "Choose the Stream app that holds the data.",
            "invalid_choice": intake.NO_SUCH_APP,
        },
    )
    user_ids = UserIdsField(required=False, label="Stream user ids", help_text="One a line, at most 100.")
    received_on = forms.DateField(
        label="Received on",
        help_text="The day it reached you; the legal clock starts here.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={
            "required": "Enter the day on which the request reached you.",
            "invalid": "This is no date. Write it like 2026-11-23.",
        },
    )
    channel = forms.ChoiceField(
        choices=Channel.choices(),
        label="Received via",
        error_messages={
            "required": "Choose how the request reached you.",
            "invalid_choice": intake.NO_SUCH_WAY,
        },
    )
    identity_method = forms.ChoiceField(
        choices=[("", "Not confirmed yet"), *IdentityMethod.choices()],
        required=False,
        label="Identity confirmed by",
        help_text="Of whoever asks (Art. 12(6) GDPR). Doubts are written down on the ticket.",
        error_messages={"invalid_choice": intake.NO_SUCH_WAY},
    )
    requester_name = forms.CharField(
        max_length=intake.MAX_NAME,
        required=False,
        label="Name of the requester",
        error_messages=_of_text(intake.MAX_NAME),
    )
    requester_email = forms.EmailField(
        max_length=intake.MAX_EMAIL,
        required=False,
        label="E-mail of the requester",
        error_messages={"invalid": intake.NO_EMAIL, **_of_text(intake.MAX_EMAIL)},
    )
    export_feeds_data = YesNoField("Feeds data")
    export_user_data = YesNoField("User data")
    feeds_data = _mode_field("feeds_data")
    user = _mode_field("user")
    messages = _mode_field("messages")
    conversations = _mode_field("conversations")
    calls = _mode_field("calls")
    files = YesNoField("Delete uploaded files, too")  # type: ignore[assignment]
    new_channel_owner_id = forms.CharField(
        required=False,
        label="New channel owner",
        help_text="Channels of a hard-deleted user move to this user id. Leave it empty and Stream makes one up.",
        widget=forms.TextInput(attrs={"class": "mono", "autocomplete": "off", "spellcheck": "false"}),
    )
    new_call_owner_id = forms.CharField(
        required=False,
        label="New call owner",
        help_text="The same for calls.",
        widget=forms.TextInput(attrs={"class": "mono", "autocomplete": "off", "spellcheck": "false"}),
    )
    copy_first = YesNoField("Export everything first")
    ground = forms.ChoiceField(
        choices=[("", "Not stated"), *Ground.choices()],
        required=False,
        label="Ground",
        error_messages={"invalid_choice": intake.NO_SUCH_GROUND},
    )
    note = forms.CharField(
        required=False,
        max_length=intake.MAX_NOTE,
        label="Note",
        error_messages=_of_text(intake.MAX_NOTE),
        help_text="For the DPO and the log.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(
        self,
        *args: Any,
        today: date,
        clock: deadlines.Clock,
        apps: StreamAppQuerySet,
        ticket: Ticket | None = None,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        self.today = today
        self.clock = clock
        self.apps = apps
        apps = apps.active().order_by("name")
        field: Any = self.fields["stream_app"]
        field.queryset = apps
        self.fields["received_on"].widget.attrs["max"] = today.isoformat()
        # Typing here has the user ids looked up on Stream; the owners have a look-up of their own.
        for name in ("user_ids", "stream_app", "received_on"):
            self.fields[name].widget.attrs["data-looked-up"] = ""
        for name in plans.OWNERS:
            self.fields[name].widget.attrs["data-owner"] = ""
        if ticket is not None:
            self.initial = {**initial_of(ticket), **self.initial}
        elif not self.is_bound:
            only = list(apps[:2])
            self.initial = {"received_on": today, "stream_app": only[0] if len(only) == 1 else None, **self.initial}

    @property
    def chosen_kind(self) -> Kind | None:
        """The kind as it stands in the form now, whether the rest holds or not."""
        value = self["kind"].value()
        return Kind(value) if value in set(Kind) else None

    @property
    def chosen_user_mode(self) -> Mode:
        """How the user is to be deleted, as it stands in the form now."""
        value = self["user"].value()
        return Mode(value) if value in set(Mode) else Mode.KEEP

    @property
    def typed_ids(self) -> tuple[str, ...]:
        """The different user ids as they were typed, whether the plan holds or not."""
        return tuple(dict.fromkeys(UserIdsField().to_python(self.data.get("user_ids"))))[: plans.MAX_ACCOUNTS]

    @property
    def typed_owners(self) -> dict[str, str]:
        """The new owners as they were typed, by their fields."""
        return {name: owner for name in plans.OWNERS if (owner := self.data.get(name, "").strip())}

    def clean(self) -> dict[str, Any]:
        """Ask the plan's rules and the rule of the received date; each complaint stands at its field."""
        cleaned = super().clean() or self.cleaned_data
        received_on = cleaned.get("received_on")
        late = deadlines.check_received_on(received_on, self.today) if received_on else None
        if late:
            self.add_error("received_on", late)
        plan = self.plan
        for problem in plans.problems(plan) if plan else ():
            if problem.field not in self.errors:
                self.add_error(problem.field, problem.text)
        return cleaned

    @property
    def plan(self) -> Plan | None:
        """The plan that the form amounts to, whether it holds or not; None where the kind is not chosen."""
        cleaned = getattr(self, "cleaned_data", {})
        if not cleaned.get("kind"):
            return None
        modes: dict[str, Any] = {name: cleaned.get(name) or Mode.KEEP for name in plans.MODES}
        flags: dict[str, Any] = {name: bool(cleaned.get(name)) for name in FLAGS}
        owners: dict[str, Any] = {name: cleaned.get(name, "") for name in plans.OWNERS}
        ids = cleaned.get("user_ids", ())
        return Plan(kind=cleaned["kind"], user_ids=ids, **modes, **flags, **owners)

    def intake(self) -> Intake:
        """What the verbs take. Only after `is_valid`."""
        plan, cleaned = self.plan, self.cleaned_data
        if plan is None:
            raise ValueError("the form does not hold")
        return Intake(
            stream_app=cleaned["stream_app"],
            plan=plan,
            received_on=cleaned["received_on"],
            channel=Channel(cleaned["channel"]),
            requester_name=cleaned["requester_name"],
            requester_email=cleaned["requester_email"],
            ground=cleaned["ground"],
            identity_method=cleaned["identity_method"],
            note=cleaned["note"],
        )


def initial_of(ticket: Ticket) -> dict[str, Any]:
    """A stored ticket as the form shows it."""
    plan = plans.from_json(ticket.plan)
    names = (*plans.MODES, *FLAGS, *plans.OWNERS)
    return {
        **{name: getattr(plan, name) for name in names},
        "kind": plan.kind,
        "user_ids": plan.user_ids,
        "stream_app": ticket.stream_app_id,
        "received_on": ticket.received_on,
        "channel": ticket.channel,
        "requester_name": ticket.requester_name,
        "requester_email": ticket.requester_email,
        "ground": ticket.ground,
    }
