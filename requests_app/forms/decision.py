"""The small forms on the page of a ticket: decisions, and what needs a reason."""

from __future__ import annotations

from django import forms

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
    note = forms.CharField(
        required=False,
        max_length=4000,
        label="Note for the audit log",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    plan_digest = forms.CharField(required=False, widget=forms.HiddenInput)


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
        required=False, max_length=4000, label="Add a note", widget=forms.Textarea(attrs={"rows": 2, "required": True})
    )
