"""Whether somebody is still signed in: asked before a form is sent, so that nothing typed is lost to an old session."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.views.decorators.http import require_safe

_READS = {"GET", "HEAD"}


@login_not_required
@require_safe
def signed_in(request: HttpRequest) -> JsonResponse:
    """Who is signed in by number, 0 for nobody, and a token for the forms: signing in makes the old one void."""
    return JsonResponse({"person": request.user.pk or 0, "token": get_token(request)})


class SignInMiddleware(LoginRequiredMiddleware):
    """Strangers go to the sign-in page, and from there to a page that can be opened: not to where a form was sent."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseRedirect:
        if request.method in _READS:
            return super().handle_no_permission(request, view_func)
        came_from = urlsplit(request.headers.get("Referer", ""))
        path = came_from.path if came_from.netloc == request.get_host() else "/"
        return redirect_to_login(path, self.get_login_url(view_func), self.get_redirect_field_name(view_func))
