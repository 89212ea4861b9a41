"""What a member of staff has chosen for themselves. A row is there once somebody chose something."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Profile(models.Model):
    """The choices of one person; without a row the defaults hold."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile")
    # Whether the digest of the day comes by mail. Alerts and escalations come anyway.
    digest = models.BooleanField(default=True)
    # Whether a mail comes when somebody mentions them in a note.
    mentions = models.BooleanField(default=True)
    # Whether single keys do something (WCAG 2.1.4).
    single_keys = models.BooleanField(default=True)
