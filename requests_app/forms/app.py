"""The form of a Stream app. The secret goes in and never comes out again."""

from __future__ import annotations

from typing import Any

from django import forms

from requests_app.models import StreamApp
from requests_app.stream.credentials import check_base_url
from requests_app.stream.errors import ConfigurationError


class AppForm(forms.ModelForm):  # type: ignore[type-arg]
    """Name, place and key of an app. `changed_data` names what it changes, for the audit log."""

    base_url = forms.CharField(
        max_length=200, label="Base URL", help_text="https://chat.stream-io-api.com for most apps of Stream."
    )
    api_key = forms.CharField(max_length=120, label="API key")
    # Apart from the model's fields, so that the stored secret is never read to show the form.
    api_secret = forms.CharField(
        max_length=500,
        required=False,
        label="API secret",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Encrypted when stored and never shown. Leave empty to keep the stored one.",
    )

    field_order = ("name", "base_url", "api_key", "api_secret", "is_sandbox", "is_active")

    class Meta:
        model = StreamApp
        fields = ["name", "base_url", "api_key", "is_sandbox", "is_active"]
        labels = {"is_sandbox": "This is a stand-in for Stream, not Stream", "is_active": "Takes new requests"}

    def clean_base_url(self) -> str:
        """The base URL must be one that the portal calls."""
        try:
            return check_base_url(str(self.cleaned_data["base_url"]))
        except ConfigurationError as error:
            raise forms.ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        """A new app needs a secret. So does one that moves: nobody may send a stored secret's tokens elsewhere."""
        cleaned = super().clean() or self.cleaned_data
        if "api_secret" in self.errors:
            return cleaned
        if cleaned.get("api_secret"):
            self.instance.api_secret = cleaned["api_secret"]
            return cleaned
        if self.instance.pk is None:
            self.add_error("api_secret", "Enter the secret of the API key.")
        elif {"base_url", "api_key"} & set(self.changed_data):
            self.add_error("api_secret", "Enter the secret again: base URL or key changed.")
        return cleaned


class SafeguardsForm(forms.ModelForm):  # type: ignore[type-arg]
    """What stands between an approval and a delete of this app."""

    class Meta:
        model = StreamApp
        fields = ["identity_required", "cooling_off_hours", "second_approver"]
        labels = {
            "identity_required": "A request is sent to the DPO only once the identity is confirmed",
            "cooling_off_hours": "Cooling-off in hours",
            "second_approver": "Two data protection officers approve each hard delete",
        }
        help_texts = {
            "cooling_off_hours": "0 to 72, between the approval of an erasure and its first call. "
            "Everybody who sees the ticket may cancel it meanwhile.",
        }
        error_messages = {
            "cooling_off_hours": {
                "required": "Enter the hours, or 0 for none.",
                "invalid": "Enter whole hours, 0 to 72.",
                "min_value": "Enter whole hours, 0 to 72.",
                "max_value": "Enter whole hours, 0 to 72: the law gives a month for all of it.",
            }
        }
