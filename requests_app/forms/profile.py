"""The form of somebody's own choices."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from requests_app.models import Profile


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    """A field for each choice."""

    class Meta:
        model = Profile
        fields = ["digest", "mentions", "single_keys"]
        labels = {
            "digest": _("Send me a digest by mail on working days"),
            "mentions": _("Send me a mail when somebody mentions me in a note"),
            "single_keys": _("Use single keys"),
        }
        help_texts = {
            "digest": _(
                "What is due or waits for you, in the morning. Mails about a due date that is near or has passed "
                "come in any case."
            ),
            "mentions": _("It names the ticket and who wrote, not what was written. It waits in your work, too."),
            "single_keys": _("Press ? on any page for the list of them. Without them only Ctrl K stays."),
        }
