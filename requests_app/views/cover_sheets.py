"""The cover sheet of a Stream app, its versions, and the sheet that goes out with an export."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from requests_app.forms.cover_sheet import CoverSheetForm
from requests_app.models import CoverSheet, StreamApp
from requests_app.queries import ticket_page
from requests_app.views.loaders import actor_of, load_ticket, page
from requests_app.workflow import access, cover_sheets, permissions
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo


@page
@require_http_methods(["GET", "POST"])
def app_cover_sheet(request: HttpRequest, app_id: int) -> HttpResponse:
    """Fill the sheet in, or write its next version."""
    app = _load(request, app_id)
    sheet = cover_sheets.in_force(app)
    if request.method != "POST":
        return _show(request, app, sheet, CoverSheetForm(sheet=sheet))
    form = CoverSheetForm(request.POST, sheet=sheet)
    if not form.is_valid():
        return _show(request, app, sheet, form, status=422)
    try:
        saved = cover_sheets.save(
            app,
            form.cleaned_data,
            based_on=form.cleaned_data["based_on"],
            actor=actor_of(request),
            now=timezone.now(),
        )
    except NotPermitted as reason:
        raise PermissionDenied(str(reason)) from None
    except UnableTo as reason:
        form.add_error(reason.field or None, str(reason))
        status = 409 if isinstance(reason, cover_sheets.Overtaken) else 422
        return _show(request, app, sheet, form, status=status)
    words = _("Version %(version)s of the cover sheet of %(app)s is saved. It goes with exports approved from now on.")
    messages.success(request, words % {"version": saved.version, "app": app.name})
    return redirect("app-cover-sheet", app_id=app.pk)


@page
@require_safe
def app_cover_sheet_version(request: HttpRequest, app_id: int, version: int) -> HttpResponse:
    """One version as it was."""
    app = _load(request, app_id)
    try:
        sheet: CoverSheet = get_object_or_404(app.cover_sheets.select_related("saved_by"), version=version)
    except OverflowError:
        raise Http404 from None
    return render(request, "cover_sheets/version.html", {"app": app, "sheet": sheet, "answers": _answers(sheet)})


@page
@require_safe
def ticket_cover_sheet(request: HttpRequest, reference: str) -> HttpResponse:
    """The sheet of an approved export, for paper, or with `as=text` as a file. Looking at it is recorded."""
    ticket = load_ticket(request, reference)
    if ticket.cover_sheet is None:
        raise Http404
    actor = actor_of(request)
    access.record_read(ticket, actor=actor, now=timezone.now())
    clear = permissions.sees_personal_data(actor.role)
    context = {
        "ticket": ticket,
        "sheet": ticket.cover_sheet,
        "answers": _answers(ticket.cover_sheet),
        "subject": ticket_page.subject(ticket, clear=clear),
    }
    if request.GET.get("as") != "text":
        return render(request, "cover_sheets/of_ticket.html", context)
    text = render_to_string("cover_sheets/of_ticket.txt", context)
    name = f"{ticket.reference}-cover-sheet.txt"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


def _show(
    request: HttpRequest, app: StreamApp, sheet: CoverSheet | None, form: CoverSheetForm, *, status: int = 200
) -> HttpResponse:
    versions = app.cover_sheets.select_related("saved_by").order_by("-version")
    context = {"app": app, "sheet": sheet, "form": form, "versions": versions}
    return render(request, "cover_sheets/page.html", context, status=status)


def _answers(sheet: CoverSheet) -> list[tuple[cover_sheets.Question, str]]:
    return [(question, getattr(sheet, question.name)) for question in cover_sheets.QUESTIONS]


def _load(request: HttpRequest, app_id: int) -> StreamApp:
    try:
        app: StreamApp = get_object_or_404(access.visible_apps(actor_of(request)), pk=app_id)
    except OverflowError:
        raise Http404 from None
    return app
