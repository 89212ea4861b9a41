"""The page with the switch: what is paused, since when and why, and the forms to pause and to go on."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from requests_app.forms.pause import PauseForm
from requests_app.models import Pause
from requests_app.queries import sending as found
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_of, page
from requests_app.workflow import access, pauses, permissions
from requests_app.workflow.policies import UnableTo
from requests_app.workflow.rights import RIGHTS, Right


@page
@require_safe
def sending(request: HttpRequest) -> HttpResponse:
    """The state of every app, and the switches for those who may use them."""
    return _show(request)


def _show(
    request: HttpRequest, *, bound: PauseForm | None = None, trouble: str = "", status: int = 200
) -> HttpResponse:
    typed, actor = str(bound.data.get("app", "")) if bound else None, actor_of(request)
    apps, rows = access.visible_apps(actor), []
    for scope in found.scopes(actor):
        key = str(scope.app_id or "")
        empty = PauseForm(initial={"app": scope.app_id}, apps=apps, auto_id=f"s{key}_%s")
        may_switch = permissions.may(actor, Right.PAUSE if scope.app_id else Right.PAUSE_ALL)
        rows.append((scope, bound if bound and typed == key else empty, may_switch))
    context = {
        "rows": rows,
        "lifted": found.lifted(actor),
        "may_pause": permissions.may(actor, Right.PAUSE),
        "who": RIGHTS[Right.PAUSE].closed_to,
        "not_in_all_apps": permissions.NOT_IN_ALL_APPS,
        "trouble": trouble,
    }
    return render(request, "sending/page.html", context, status=status)


def _switch(request: HttpRequest, act: Callable[..., Pause], done: str) -> HttpResponse:
    apps = access.visible_apps(actor_of(request))
    form = PauseForm(request.POST, apps=apps, auto_id=f"s{request.POST.get('app', '')}_%s")
    if not form.is_valid():
        return _show(request, trouble="There is no such Stream app any more, or the reason is too long.", status=422)
    typed = form.cleaned_data
    try:
        one = act(typed["app"], actor=actor_of(request), now=timezone.now(), reason=typed["note"])
    except permissions.NotPermitted as reason:
        raise PermissionDenied(str(reason)) from None
    except UnableTo as reason:
        if reason.field:
            form.add_error(reason.field, str(reason))
            return _show(request, bound=form, status=422)
        return _show(request, trouble=str(reason), status=422)
    messages.success(request, done.format(scope=one.scope))
    return redirect("sending")


@page
@form_only("sending")
def pause(request: HttpRequest) -> HttpResponse:
    """Stop sending."""
    return _switch(request, pauses.pause, "Nothing more is sent to Stream for {scope} until somebody lets it go on.")


@page
@form_only("sending")
def lift(request: HttpRequest) -> HttpResponse:
    """Let sending go on."""
    return _switch(request, pauses.lift, "Sending goes on for {scope}.")
