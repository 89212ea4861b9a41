"""Addresses to which only forms are sent: whoever opens one is led to the page that has the form.

The address stands in the browser after a form was refused, and Enter in it, a bookmark or a sign-in asks for it again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

_READS = ("GET", "HEAD")


def form_only(page: str, *arguments: str) -> Callable[[View[P]], View[P]]:
    """Let only forms through to the view; `page` is the URL name of the page with the form, and takes these arguments.

    Stands below `page` of `loaders.py`, so that nobody is led anywhere who may not send the form.
    """

    def decorate(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def sent(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.method == "POST":
                return view(request, *args, **kwargs)
            if request.method not in _READS:
                return HttpResponseNotAllowed([*_READS, "POST"])
            messages.info(request, _("Nothing was done: that address only takes the form of this page."))
            return redirect(reverse(page, kwargs={name: kwargs[name] for name in arguments}))

        return sent

    return decorate
