"""Placing and lifting a legal hold. What a user id may be, and that a reason is needed, stands in the workflow."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from requests_app.models import StreamApp

_REASON = forms.Textarea(attrs={"rows": 2, "required": True})


class HoldForm(forms.Form):
    """One account, and why it must be kept."""

    stream_app = forms.ModelChoiceField(
        StreamApp.objects.none(),
        label="Stream app",
        empty_label="Choose an app",
        error_messages={
            "required": "Choose the Stream app that holds the account.",
            "invalid_choice": "There is no such Stream app. Choose one of the list.",
        },
    )
    user_id = forms.CharField(
        required=False,
        strip=False,
        label="Stream user id",
        widget=forms.TextInput(attrs={"class": "mono", "autocomplete": "off", "spellcheck": "false", "required": True}),
    )
    note = forms.CharField(required=False, max_length=1000, label="Reason", widget=_REASON)

    def __init__(self, *args: Any, apps: QuerySet[StreamApp], **kwargs: Any):
        super().__init__(*args, **kwargs)
        field: Any = self.fields["stream_app"]
        field.queryset = apps.order_by("name")


class LiftForm(forms.Form):
    """Why the account may be erased again."""

    note = forms.CharField(required=False, max_length=1000, label="Reason", widget=_REASON)
