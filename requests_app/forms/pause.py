"""The switch that stops sending: which app, or all, and why."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from requests_app.models import StreamApp


class PauseForm(forms.Form):
    """A reason for one scope; without `app` it is all apps. The rule about the reason stands in the workflow."""

    app = forms.ModelChoiceField(
        StreamApp.objects.none(),
        required=False,
        widget=forms.HiddenInput,
        error_messages={"invalid_choice": "There is no such Stream app. Load the page again."},
    )
    note = forms.CharField(
        required=False,
        max_length=1000,
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 2, "required": True}),
    )

    def __init__(self, *args: Any, apps: QuerySet[StreamApp], **kwargs: Any):
        super().__init__(*args, **kwargs)
        field: Any = self.fields["app"]
        field.queryset = apps
