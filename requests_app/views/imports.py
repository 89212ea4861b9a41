"""Many requests out of one file: the upload, the preview, the confirmation, and what became of each row."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from requests_app.audit.actor import Actor
from requests_app.forms.upload import UploadForm
from requests_app.models import Upload
from requests_app.queries import uploads
from requests_app.views import spreadsheet
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_for, actor_of, origin_of, page
from requests_app.views.numbers import number_or_none
from requests_app.workflow import access, imports, sheet
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo

# Rows with problems, and with something to know, that the preview shows.
SHOWN = 20
# Seconds that one request takes rows for; the page and the worker's chore go on with the rest.
SLICE = 5.0
# Seconds, while the page sees to it that the rest is taken.
AGAIN = 2


@page
@require_http_methods(["GET", "HEAD", "POST"])
def import_new(request: HttpRequest) -> HttpResponse:
    """Upload a file; nothing is taken from it before the next page was confirmed."""
    apps = access.visible_apps(actor_of(request))
    form = UploadForm(request.POST or None, request.FILES or None, apps=apps)
    if request.method != "POST":
        return _upload_page(request, UploadForm(apps=apps))
    if not form.is_valid():
        return _upload_page(request, form, status=422)
    file = form.cleaned_data["file"]
    try:
        # One byte beyond the bound tells that it is too large.
        data = file.read(sheet.MAX_SIZE + 1)
        kept = imports.upload(form.cleaned_data["stream_app"], data, actor=actor_of(request), now=timezone.now())
    except NotPermitted as reason:
        raise PermissionDenied(str(reason)) from None
    except UnableTo as reason:
        form.add_error(reason.field if reason.field in form.fields else None, str(reason))
        return _upload_page(request, form, status=422)
    return redirect("import-detail", token=kept.token)


def _upload_page(request: HttpRequest, form: UploadForm, *, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "columns": sheet.COLUMNS,
        "required": sheet.REQUIRED,
        "recent": uploads.recent(actor_of(request)),
    }
    return render(request, "imports/page.html", context, status=status)


@page
@require_safe
def import_template(request: HttpRequest) -> HttpResponse:
    """A file to begin with."""
    return _file("requests-template.csv", [spreadsheet.MARK, sheet.template()])


def _file(name: str, lines: Iterable[str]) -> HttpResponse:
    answer = HttpResponse("".join(lines).encode(), content_type=spreadsheet.CONTENT_TYPE)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _load(request: HttpRequest, token: str) -> Upload:
    found = uploads.with_token(token, actor_of(request))
    if found is None:
        raise Http404
    return found


@page
@require_safe
def import_detail(request: HttpRequest, token: str) -> HttpResponse:
    """The preview before the confirmation, the progress after it, and the result in the end."""
    return _show(request, _load(request, token))


def _show(request: HttpRequest, found: Upload, *, trouble: str = "", status: int = 200) -> HttpResponse:
    context: dict[str, object] = {"upload": found, "trouble": trouble, "again": AGAIN}
    if found.confirmed_at:
        after = number_or_none(request.GET.get("after", "")) or 0
        context["result"] = uploads.result(found, actor_of(request), after=after)
    elif not found.discarded_at:
        lines = imports.lines(found)
        bad = [line for line in lines if line.problems]
        odd = [line for line in lines if line.warnings and not line.problems]
        context |= {
            "good": len(lines) - len(bad),
            "bad": len(bad),
            "odd": len(odd),
            "first_bad": bad[:SHOWN],
            "first_odd": odd[:SHOWN],
            "same_before": imports.same_before(found),
        }
    progress = request.headers.get("HX-Request") and found.confirmed_at
    name = "imports/_progress.html" if progress else "imports/detail.html"
    return render(request, name, context, status=status)


@page
@form_only("import-detail", "token")
def import_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Confirm, and take rows for a while. Pressed again, by anybody, it goes on with what is left.

    What stopped goes on only where somebody says so: a page that asks by itself stands for nothing.
    """
    found = _load(request, token)
    try:
        imports.confirm(found, actor=actor_of(request), now=timezone.now(), anew="anew" in request.POST)
    except NotPermitted as reason:
        raise PermissionDenied(str(reason)) from None
    except UnableTo as reason:
        return _show(request, found, trouble=str(reason), status=422)
    found = _load(request, token)
    imports.take(found, actor=_confirmer(found, request), now=timezone.now, seconds=SLICE)
    if request.headers.get("HX-Request"):
        return _show(request, _load(request, token))
    return redirect("import-detail", token=token)


def _confirmer(found: Upload, request: HttpRequest) -> Actor:
    """Whoever confirmed stands for the tickets, also where somebody else's page goes on with them."""
    return actor_for(found.confirmed_by, origin_of(request)) if found.confirmed_by else actor_of(request)


@page
@form_only("import-detail", "token")
def import_discard(request: HttpRequest, token: str) -> HttpResponse:
    """Throw the file away."""
    found = _load(request, token)
    try:
        imports.discard(found, actor=actor_of(request), now=timezone.now())
    except UnableTo as reason:
        return _show(request, _load(request, token), trouble=str(reason), status=422)
    messages.success(request, _("The file is thrown away. Nothing more is taken from it."))
    return redirect("import-new")


@page
@require_safe
def import_problems(request: HttpRequest, token: str) -> HttpResponse:
    """What keeps rows out, as a file: line, column and sentence."""
    found = _load(request, token)
    if found.confirmed_at:
        told = ((line, problem) for line, text in uploads.problems(found) for problem in text.splitlines())
        rows: Iterable[tuple[int, str, str]] = ((line, *_split(problem)) for line, problem in told)
    elif found.discarded_at:
        raise Http404
    else:
        lines = imports.lines(found)
        rows = ((line.row.line, problem.field, problem.text) for line in lines for problem in line.problems)
    return _file("requests-problems.csv", spreadsheet.lines(chain([("line", "column", "problem")], rows)))


def _split(problem: str) -> tuple[str, str]:
    column, _colon, text = problem.partition(": ")
    return column, text
