"""Legal holds: what is on hold and why, and the forms to place and to lift one."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from requests_app.forms.hold import HoldForm, LiftForm
from requests_app.models import LegalHold
from requests_app.queries import holds as found
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_of, page
from requests_app.workflow import access, holds, permissions
from requests_app.workflow.policies import UnableTo
from requests_app.workflow.rights import RIGHTS, Right


@page
@require_safe
def hold_list(request: HttpRequest) -> HttpResponse:
    """Every hold, and the forms for those who may use them."""
    return _show(request)


def _show(
    request: HttpRequest,
    *,
    placing: HoldForm | None = None,
    lifting: tuple[int, forms.Form] | None = None,
    trouble: str = "",
    status: int = 200,
) -> HttpResponse:
    actor = actor_of(request)
    lines = [(line, _lift_form(line.hold.pk, lifting)) for line in found.open_holds(actor)]
    context = {
        "lines": lines,
        "lifted": found.lifted(actor),
        "form": placing or HoldForm(apps=access.visible_apps(actor), auto_id="hold_%s"),
        "may_hold": permissions.may_open(actor, "hold-place"),
        "who": RIGHTS[Right.HOLD].closed_to,
        "trouble": trouble,
    }
    return render(request, "holds/page.html", context, status=status)


def _lift_form(pk: int, lifting: tuple[int, forms.Form] | None) -> forms.Form:
    return lifting[1] if lifting and lifting[0] == pk else LiftForm(auto_id=f"lift{pk}_%s")


@page
@form_only("hold-list")
def hold_place(request: HttpRequest) -> HttpResponse:
    """Keep an account from being erased."""
    form = HoldForm(request.POST, apps=access.visible_apps(actor_of(request)), auto_id="hold_%s")

    def act() -> LegalHold:
        typed = form.cleaned_data
        return holds.place(
            typed["stream_app"], typed["user_id"], actor=actor_of(request), now=timezone.now(), reason=typed["note"]
        )

    done = "The account is on hold: nothing of it is erased until the hold is lifted."
    return _do(request, form, act, done, lambda **kwargs: _show(request, placing=form, **kwargs))


@page
@form_only("hold-list")
def hold_lift(request: HttpRequest, hold_id: int) -> HttpResponse:
    """Let an account be erased again."""
    hold: LegalHold = get_object_or_404(access.in_apps_of(LegalHold.objects.all(), actor_of(request)), pk=hold_id)
    form = LiftForm(request.POST, auto_id=f"lift{hold.pk}_%s")

    def act() -> LegalHold:
        return holds.lift(hold, actor=actor_of(request), now=timezone.now(), reason=form.cleaned_data["note"])

    done = "The hold is lifted. A ticket that it stopped goes on when somebody retries it."
    return _do(request, form, act, done, lambda **kwargs: _show(request, lifting=(hold.pk, form), **kwargs))


def _do(
    request: HttpRequest, form: forms.Form, act: Callable[[], LegalHold], done: str, again: Callable[..., HttpResponse]
) -> HttpResponse:
    if not form.is_valid():
        return again(status=422)
    try:
        act()
    except permissions.NotPermitted as reason:
        raise PermissionDenied(str(reason)) from None
    except UnableTo as reason:
        if reason.field not in form.fields:
            return again(trouble=str(reason), status=422)
        form.add_error(reason.field, str(reason))
        return again(status=422)
    messages.success(request, done)
    return redirect("hold-list")
