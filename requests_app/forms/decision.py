"""The small forms on the page of a ticket: decisions, and what needs a reason."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django import forms
from django.utils.translation import gettext_lazy as _

from requests_app.enums import Ground, Verb
from requests_app.workflow.letters import LONGEST_BODY, LONGEST_SUBJECT
from requests_app.workflow.verbs import VERBS, Asks

_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "class": "mono", "required": True}


class ApproveForm(forms.Form):
    """The typed user id, and what the page showed. The id is compared as typed: blanks are not stripped."""

    confirm_user_id = forms.CharField(
        required=False, strip=False, label="Type the user id to approve", widget=forms.TextInput(attrs=_PLAIN)
    )
    send_if_absent = forms.BooleanField(
        required=False,
        label="Delete even where Stream shows no such user",
        help_text="A user that was soft-deleted before is not shown any more; a harder delete still reaches it.",
    )
    # Of Art. 17(1); empty: the agent's counts, where there is one.
    ground = forms.ChoiceField(
        required=False,
        choices=[("", _("As the agent chose")), *Ground.choices()],
        label=_("Ground of the erasure"),
        error_messages={"invalid_choice": _("Art. 17(1) has no such ground. Choose one of the list.")},
    )
    note = forms.CharField(
        required=False,
        max_length=4000,
        label="Note for the audit log",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    # The notice of the parts that are refused, where there are such; as it stands here it is kept.
    subject = forms.CharField(
        required=False,
        max_length=LONGEST_SUBJECT,
        label=_("Subject of the notice"),
        widget=forms.TextInput(attrs={"required": True}),
    )
    body = forms.CharField(
        required=False,
        strip=False,
        max_length=LONGEST_BODY,
        label=_("Notice of what is refused"),
        help_text=_("Kept as it stands here, with the approval that releases the rest. It is not sent by that."),
        widget=forms.Textarea(attrs={"rows": 12, "required": True}),
    )
    # Whether they are there is for the verb to say: without them it is no approval of anything.
    plan_digest = forms.CharField(required=False, widget=forms.HiddenInput)
    revision = forms.CharField(required=False, widget=forms.HiddenInput)
    preview_digest = forms.CharField(required=False, widget=forms.HiddenInput)
    without_preview = forms.BooleanField(
        required=False,
        label="Approve without a preview",
        help_text="Stream could not be asked. Your word for it stands in the audit log.",
    )


class RemarkForm(forms.Form):
    """A word for the log, where somebody wants to leave one."""

    note = forms.CharField(required=False, max_length=4000, label="Note", widget=forms.Textarea(attrs={"rows": 2}))


class ReasonForm(forms.Form):
    """A reason in words: asked for, though the verb's own rule says what is missing."""

    note = forms.CharField(
        required=False,
        max_length=4000,
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 2, "required": True}),
    )


class NoteForm(forms.Form):
    """A note on the ticket."""

    note = forms.CharField(
        required=False,
        max_length=4000,
        label=_("Add a note"),
        help_text=_("@username tells somebody of it."),
        widget=forms.Textarea(attrs={"rows": 2, "required": True, "data-mentions": True}),
    )


_BY_WHAT_IS_ASKED: Mapping[Asks, type[forms.Form]] = MappingProxyType(
    {Asks.NOTHING: forms.Form, Asks.REMARK: RemarkForm, Asks.REASON: ReasonForm}
)


def form_of(verb: Verb) -> type[forms.Form]:
    """The form of a verb that takes a press or a few words. Raises `KeyError` for one that has a form of its own."""
    return _BY_WHAT_IS_ASKED[VERBS[verb].asks]
