"""Somebody's own choices."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from requests_app.forms.profile import ProfileForm
from requests_app.views import keys
from requests_app.views.loaders import actor_of, page
from requests_app.workflow import profiles


@page
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Look at them and change them."""
    actor = actor_of(request)
    stored = profiles.profile_of(actor)
    form = ProfileForm(request.POST if request.method == "POST" else None, instance=stored)
    if form.is_valid():
        chosen = profiles.save(form.save(commit=False), actor=actor, now=timezone.now(), changed=form.changed_data)
        keys.remember(request, chosen)
        messages.success(request, _("Your choices are saved."))
        return redirect("profile")
    context = {"form": form, "email": request.user.email, "mails": settings.MAILS}  # type: ignore[union-attr]
    return render(request, "profile/page.html", context, status=422 if form.is_bound else 200)
