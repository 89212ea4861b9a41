"""The forms around the list of tickets: what to do with several of them, and a name for a view."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.models import AbstractUser

from requests_app.models import SavedView
from requests_app.queries import filters
from requests_app.workflow.bulk import ACTS

NOBODY = "nobody"


class BulkForm(forms.Form):
    """What to do with the chosen tickets. `owner` and `note` matter to some acts alone."""

    act = forms.ChoiceField(
        choices=list(ACTS.items()),
        label="Do",
        error_messages={
            "required": "Choose what to do with the chosen tickets.",
            "invalid_choice": "Nothing of this kind is done with several tickets at once.",
        },
    )
    owner = forms.ChoiceField(
        required=False, label="New owner", error_messages={"invalid_choice": "Choose somebody of the list."}
    )
    note = forms.CharField(required=False, max_length=4000, label="Note", widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        people = [(one.value, one.words) for one in filters.owners()]
        field: Any = self.fields["owner"]
        field.choices = [(NOBODY, "Nobody"), *people]


class AssignForm(forms.Form):
    """The next owner of one ticket, and a word for them. `people` are those who may own it, where they were read."""

    owner = forms.ChoiceField(
        label="Owner", error_messages={"required": "Choose somebody.", "invalid_choice": "Choose somebody of the list."}
    )
    note = forms.CharField(
        required=False,
        max_length=4000,
        label="Hand-over note",
        help_text="For the next owner; it goes to the ticket.",
        widget=forms.Textarea(attrs={"rows": 2, "data-mentions": True}),
    )
    shown = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, people: Iterable[AbstractUser] | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        field: Any = self.fields["owner"]
        field.choices = [(NOBODY, "Nobody"), *((one.value, one.words) for one in filters.owners(people))]


class SaveViewForm(forms.ModelForm):  # type: ignore[type-arg]
    """A name for the filters that are on."""

    class Meta:
        model = SavedView
        fields = ["name", "is_shared"]
        labels = {"name": "Name of the view", "is_shared": "Everybody may use it"}
        error_messages = {"name": {"required": "Give the view a name."}}
