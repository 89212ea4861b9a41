"""The forms of a refusal: of the whole request with its notice, and of parts of a plan."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from requests_app.enums import Kind, Language
from requests_app.workflow import plan as plans
from requests_app.workflow import refusals
from requests_app.workflow.letters import LONGEST_BODY, LONGEST_SUBJECT
from requests_app.workflow.refusing import Part


def _grounds(kind: Kind, first: Any) -> list[tuple[str, Any]]:
    return [("", first), *((code.value, code.label) for code in refusals.fitting(kind))]


class RefusalForm(forms.Form):
    """Ground, reason and evidence; then the notice, which can be changed before it is kept."""

    code = forms.ChoiceField(required=False, label=_("Ground"), widget=forms.Select(attrs={"required": True}))
    note = forms.CharField(
        required=False,
        max_length=4000,
        label=_("Reason, for the person and the audit log"),
        widget=forms.Textarea(attrs={"rows": 3, "required": True}),
    )
    evidence = forms.CharField(
        required=False,
        max_length=4000,
        label=_("What shows it"),
        help_text=_(
            "Needed for unfounded and excessive requests: the burden of proof is the company's. Stays in the portal."
        ),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    override_late = forms.BooleanField(
        required=False,
        label=_("Refuse although the day for it is over (Art. 12(4) GDPR); the ticket is flagged"),
    )
    language = forms.ChoiceField(
        choices=[(one.value, one.label) for one in Language], label=_("Language of the notice")
    )
    subject = forms.CharField(
        required=False, max_length=LONGEST_SUBJECT, label=_("Subject"), widget=forms.TextInput(attrs={"required": True})
    )
    body = forms.CharField(
        required=False,
        strip=False,
        max_length=LONGEST_BODY,
        label=_("Notice"),
        widget=forms.Textarea(attrs={"rows": 18, "required": True}),
    )
    by_mail = forms.BooleanField(required=False, label=_("Send the notice by mail at once"))

    def __init__(self, *args: Any, kind: Kind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].choices = _grounds(kind, _("Choose the ground"))  # type: ignore[attr-defined]


class PartsForm(forms.Form):
    """A verdict for each part of a plan: granted, or the ground on which it is refused."""

    note = forms.CharField(
        required=False,
        max_length=4000,
        label=_("What the agent is to do"),
        widget=forms.Textarea(attrs={"rows": 2, "required": True}),
    )

    def __init__(self, *args: Any, plan: plans.Plan, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parts = plans.parts(plan)
        for name in self.parts:
            label = plans.LABELS[name]
            self.fields[f"{name}_code"] = forms.ChoiceField(
                required=False, label=label[0].upper() + label[1:], choices=_grounds(plan.kind, _("Granted"))
            )
            self.fields[f"{name}_words"] = forms.CharField(
                required=False, max_length=1000, label=_("Why, in words for the person")
            )
            self.fields[f"{name}_evidence"] = forms.CharField(required=False, max_length=1000, label=_("What shows it"))

    def rows(self) -> list[tuple[Any, Any, Any]]:
        """The three fields of each part."""
        return [(self[f"{name}_code"], self[f"{name}_words"], self[f"{name}_evidence"]) for name in self.parts]

    def refused(self) -> dict[str, Part]:
        """The parts that are refused."""
        typed = self.cleaned_data
        return {
            name: Part(typed[f"{name}_code"], typed[f"{name}_words"], typed[f"{name}_evidence"])
            for name in self.parts
            if typed[f"{name}_code"]
        }
