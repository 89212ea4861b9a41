"""How the identity of whoever asks was checked, and with which result."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from requests_app.enums import IdentityMethod, IdentityResult
from requests_app.forms.attachment import ACCEPTED
from requests_app.workflow import file_types


class IdentityForm(forms.Form):
    """One check; whether a doubt must be put into words is the workflow's to say."""

    method = forms.ChoiceField(
        choices=IdentityMethod.choices(),
        label=_("How"),
        error_messages={"required": _("Choose how the identity was checked.")},
    )
    result = forms.ChoiceField(
        choices=IdentityResult.choices(),
        label=_("Result"),
        error_messages={"required": _("Choose what came of it.")},
    )
    doubt = forms.CharField(
        required=False,
        max_length=2000,
        label=_("The doubt, where there is one"),
        help_text=_("In words: more may be asked only on reasonable doubt (Art. 12(6) GDPR)."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    file = forms.FileField(
        required=False,
        label=_("Evidence, where there is a file"),
        max_length=1000,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ACCEPTED}),
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["file"].help_text = _(
            "Better none than too much. %(kinds)s, up to %(megabytes)s MB; stored encrypted, removed at the decision."
        ) % {"kinds": file_types.KINDS, "megabytes": settings.ATTACHMENT_MEGABYTES}
