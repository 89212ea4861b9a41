"""Whether single keys do something for whoever is signed in: kept in the session, so that no page asks for it."""

from __future__ import annotations

from django.http import HttpRequest

from requests_app.models import Profile

# In the session only where somebody switched them off. The frame of every page reads it.
OFF = "single_keys_off"


def remember(request: HttpRequest, profile: Profile) -> None:
    """From now on the pages of this session go by the profile."""
    if profile.single_keys:
        request.session.pop(OFF, None)
    else:
        request.session[OFF] = True
