"""The forms that show and that erase personal data: each takes a reason."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


def _reason(help_text: Any) -> forms.CharField:
    return forms.CharField(
        required=False,
        max_length=4000,
        label=_("Reason"),
        help_text=help_text,
        widget=forms.Textarea(attrs={"rows": 2, "required": True}),
    )


class EraseForm(forms.Form):
    """Why the personal data goes before its time. The reason stays, so it must name nobody."""

    note = _reason(_("Nothing brings it back. The reason stays in the audit log: name nobody in it."))


class UnmaskForm(forms.Form):
    """Why an auditor needs to see it."""

    note = _reason(_("The reason goes to the audit log. Only you see the data, for 15 minutes."))


class PersonForm(forms.Form):
    """Whom the log is searched for. The id is compared as it is typed, apart from blanks around it."""

    user_id = forms.CharField(
        max_length=255,
        label=_("Stream user id"),
        error_messages={"required": _("Type the whole user id, as it stands at Stream.")},
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "class": "mono"}
        ),
    )
