"""Some pages want a sign-in of the last minutes: a screen left open must not be enough to release an erasure."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec, cast

from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

# In the session: when the password was last entered, in seconds since 1970.
SIGNED_IN_AT = "signed_in_at"


def note_sign_in(request: HttpRequest) -> None:
    """The password was entered now."""
    request.session[SIGNED_IN_AT] = time.time()


def is_fresh(request: HttpRequest) -> bool:
    """Whether the password was entered within `ACCOUNT_REAUTHENTICATION_TIMEOUT` seconds."""
    signed_in_at: float = request.session.get(SIGNED_IN_AT, 0.0)
    age = time.time() - signed_in_at
    return bool(0 <= age < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)


def fresh_sign_in(view: View[P]) -> View[P]:
    """Ask for the password first where it was entered too long ago; what was sent is taken up afterwards."""

    @functools.wraps(view)
    def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not is_fresh(request):
            raise ReauthenticationRequired
        return view(request, *args, **kwargs)

    return cast(View[P], checked)
