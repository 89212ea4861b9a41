"""The form of a file with many requests. What the file may hold stands in the workflow."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from requests_app.models import StreamApp
from requests_app.models.app import StreamAppQuerySet


class UploadForm(forms.Form):
    """Which Stream app the requests are about, and the file."""

    stream_app = forms.ModelChoiceField(
        StreamApp.objects.none(),
        label=_("Stream app"),
        empty_label=_("Choose an app"),
        error_messages={
            "required": _("Choose the Stream app that holds the data."),
            "invalid_choice": _("This Stream app takes no new requests. Choose another one."),
        },
    )
    file = forms.FileField(
        label=_("CSV file"),
        help_text=_("UTF-8, at most 10,000 requests and 5 MB. Commas or semicolons between the cells."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={"required": _("Choose a file."), "empty": _("The file is empty.")},
        allow_empty_file=False,
    )

    def __init__(self, *args: Any, apps: StreamAppQuerySet, **kwargs: Any):
        super().__init__(*args, **kwargs)
        apps = apps.active().order_by("name")
        field: Any = self.fields["stream_app"]
        field.queryset = apps
        only = list(apps[:2])
        if len(only) == 1:
            self.initial = {"stream_app": only[0], **self.initial}
