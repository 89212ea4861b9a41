"""The form of a cover sheet: a field for each letter of the article, with its question in words."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from requests_app.models import CoverSheet
from requests_app.workflow.cover_sheets import NAMES, QUESTIONS


class CoverSheetForm(forms.Form):
    """The answers, and the version that they are based on. Whether they hold is asked of the workflow."""

    based_on = forms.IntegerField(min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, sheet: CoverSheet | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        for question in QUESTIONS:
            self.fields[question.name] = forms.CharField(
                max_length=4000,
                label=f"{question.article}: {question.words}",
                help_text=str(question.help),
                widget=forms.Textarea(attrs={"rows": 3}),
                error_messages={
                    "required": gettext_lazy("The law asks for this answer: write it, or that there is nothing.")
                },
            )
        shown = {name: getattr(sheet, name) for name in NAMES} if sheet else {}
        self.initial = {"based_on": sheet.version if sheet else 0, **shown, **self.initial}
