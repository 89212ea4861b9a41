"""A file for a ticket, and the reason why one goes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from requests_app.workflow import file_types

ACCEPTED = ",".join(f".{extension}" for extension in file_types.BY_EXTENSION)


class AttachmentForm(forms.Form):
    """One file. What kinds may come in, and how large they may be, is the workflow's to say."""

    file = forms.FileField(
        required=False,
        label=_("Add a file"),
        max_length=1000,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ACCEPTED, "required": True}),
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["file"].help_text = _("%(kinds)s, up to %(megabytes)s MB. It is stored encrypted.") % {
            "kinds": file_types.KINDS,
            "megabytes": settings.ATTACHMENT_MEGABYTES,
        }

    def clean_file(self) -> UploadedFile[Any]:
        """The file, if one was chosen."""
        file: UploadedFile[Any] | None = self.cleaned_data["file"]
        if file is None:
            raise forms.ValidationError(_("Choose a file first."))
        return file
