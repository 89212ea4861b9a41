"""The forms that move the legal clock; what holds is asked of the workflow."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from requests_app.enums import Channel, ExtensionGround, PauseOfClock

_DATE = {"required": _("Enter the day."), "invalid": _("This is no date. Write it like 2026-11-23.")}


def _day(label: Any, help_text: Any = "") -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, help_text=help_text, widget=widget, error_messages=_DATE)


def _words(label: Any) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": 2, "required": True})
    return forms.CharField(required=False, max_length=4000, label=label, widget=widget)


class ExtendForm(forms.Form):
    """The one extension: its ground, its reason, and that the person was told in time."""

    ground = forms.ChoiceField(
        choices=ExtensionGround.choices(),
        label=_("Ground"),
        error_messages={"required": _("Choose one of the two grounds that the law has.")},
    )
    note = _words(_("Why the time is needed"))
    notice_on = _day(_("The person was told on"))
    notice_channel = forms.ChoiceField(
        choices=Channel.choices(), label=_("By"), error_messages={"required": _("Choose how the person was told.")}
    )


class AskForm(forms.Form):
    """What the person was asked, and when."""

    kind = forms.ChoiceField(
        choices=PauseOfClock.choices(),
        label=_("Asked"),
        error_messages={"required": _("Choose what the person was asked.")},
    )
    note = _words(_("What was asked, and the reasonable doubt behind it"))
    asked_on = _day(_("Asked on"))


class AnswerForm(forms.Form):
    """When the answer came."""

    answered_on = _day(_("Answered on"))
