"""The forms of letters: writing one, noting how it went out, and the texts that they are written from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from requests_app.enums import Channel, Language, LetterKind
from requests_app.workflow.letters import LONGEST_BODY, LONGEST_SUBJECT

_LANGUAGES = [(language.value, language.label) for language in Language]
_DAY = forms.DateInput(attrs={"type": "date", "required": True}, format="%Y-%m-%d")


def _text(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "required": True})


class LetterChoiceForm(forms.Form):
    """Which letter, in which language: sent by GET, and what it fills in can be changed afterwards."""

    kind = forms.ChoiceField(label=_("Letter"))
    language = forms.ChoiceField(choices=_LANGUAGES, label=_("Language"))

    def __init__(self, *args: Any, kinds: Sequence[LetterKind], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [(kind.value, kind.label) for kind in kinds]  # type: ignore[attr-defined]


class LetterForm(forms.Form):
    """A letter as it is about to be kept."""

    kind = forms.CharField(widget=forms.HiddenInput)
    language = forms.ChoiceField(choices=_LANGUAGES, widget=forms.HiddenInput)
    subject = forms.CharField(
        required=False, max_length=LONGEST_SUBJECT, label=_("Subject"), widget=forms.TextInput(attrs={"required": True})
    )
    body = forms.CharField(required=False, strip=False, max_length=LONGEST_BODY, label=_("Text"), widget=_text(18))


class ByHandForm(forms.Form):
    """When and how a letter went out without the portal."""

    sent_on = forms.DateField(
        required=False,
        label=_("Sent on"),
        widget=_DAY,
        error_messages={"invalid": _("Enter a date, like 2026-03-05.")},
    )
    channel = forms.ChoiceField(
        required=False,
        choices=[("", _("Choose how")), *Channel.choices()],
        label=_("How"),
        widget=forms.Select(attrs={"required": True}),
    )


class TemplateForm(forms.Form):
    """The text of one kind of letter in one language, and the ticket that its preview is of."""

    subject = forms.CharField(
        required=False, max_length=LONGEST_SUBJECT, label=_("Subject"), widget=forms.TextInput(attrs={"required": True})
    )
    body = forms.CharField(required=False, strip=False, max_length=LONGEST_BODY, label=_("Text"), widget=_text(20))
    reference = forms.CharField(
        required=False,
        max_length=24,
        label=_("Preview with ticket"),
        help_text=_("Its number, like DSR-000123. The newest one without it."),
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)


class InformingForm(forms.Form):
    """What became of telling one recipient."""

    told = forms.ChoiceField(
        choices=[("yes", _("They were told")), ("no", _("They were not told"))],
        label=_("What became of it"),
        initial="yes",
    )
    informed_on = forms.DateField(
        required=False,
        label=_("Told on"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": _("Enter a date, like 2026-03-05.")},
    )
    words = forms.CharField(
        required=False,
        max_length=2000,
        label=_("What proves it, or why not"),
        widget=forms.Textarea(attrs={"rows": 2, "required": True}),
    )


class RecipientsForm(forms.Form):
    """The recipients of an app, one a line."""

    names = forms.CharField(
        required=False,
        max_length=8000,
        label=_("Recipients"),
        help_text=_("One a line: companies that were given the data, such as a push provider or an analytics service."),
        widget=forms.Textarea(attrs={"rows": 8}),
    )
