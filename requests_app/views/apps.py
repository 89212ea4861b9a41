"""Stream apps: the list, the form, and the test of a connection."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from requests_app import gateway
from requests_app.forms.app import AppForm, SafeguardsForm
from requests_app.models import CoverSheet, StreamApp
from requests_app.models.sealed import UnreadableSecret
from requests_app.stream.errors import StreamError
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_of, page
from requests_app.workflow import access, permissions
from requests_app.workflow import apps as stream_apps

Form = AppForm | SafeguardsForm
# Secrets are read where one is used, so that one whose key is gone does not close the pages it could be mended on.
_APPS = StreamApp.objects.defer("api_secret")


@page
@require_safe
def app_list(request: HttpRequest) -> HttpResponse:
    """All apps, with the health the worker knows of."""
    sheets = CoverSheet.objects.filter(stream_app=OuterRef("pk"))
    apps = access.visible_apps(actor_of(request))
    rows = apps.select_related("health").annotate(has_cover_sheet=Exists(sheets)).order_by("name")
    may_change = permissions.may_open(actor_of(request), "app-edit")
    context = {"apps": rows, "may_change": may_change, "environment_url": settings.STREAM_BASE_URL}
    return render(request, "apps/page.html", context)


@page
@require_http_methods(["GET", "POST"])
def app_new(request: HttpRequest) -> HttpResponse:
    """A new app."""
    return _take(request, StreamApp())


@page
@require_http_methods(["GET", "POST"])
def app_edit(request: HttpRequest, app_id: int) -> HttpResponse:
    """Change an app. That of the environment is changed there."""
    app = _load(app_id)
    if app.from_environment:
        raise Http404
    return _take(request, app)


def _load(app_id: int) -> StreamApp:
    try:
        app: StreamApp = get_object_or_404(_APPS, pk=app_id)
    except OverflowError:
        raise Http404 from None
    return app


@page
@require_http_methods(["GET", "POST"])
def app_safeguards(request: HttpRequest, app_id: int) -> HttpResponse:
    """What stands between an approval and a delete; for the app of the environment, too."""
    advice = "It holds for every approval from now on."
    lead = "What stands between the approval of an erasure and its first call to Stream"
    return _take(request, _load(app_id), SafeguardsForm, advice, lead)


def _take(
    request: HttpRequest,
    app: StreamApp,
    form_class: type[Form] = AppForm,
    advice: str = "Test the connection before you rely on it.",
    lead: str = "The secret is encrypted and never shown again",
) -> HttpResponse:
    sent = request.method == "POST"
    # The form writes what was typed onto the app, whether it holds or not.
    title = app.name or "New app"
    form: Form = form_class(request.POST if sent else None, instance=app)
    if sent and form.is_valid():
        saved = stream_apps.save_app(
            form.save(commit=False), actor=actor_of(request), now=timezone.now(), changed=form.changed_data
        )
        messages.success(request, f"{saved.name} is saved. {advice}")
        return redirect("app-list")
    context = {"form": form, "title": title, "lead": lead}
    return render(request, "apps/form.html", context, status=422 if sent else 200)


@page
@form_only("app-edit", "app_id")
def app_test(request: HttpRequest, app_id: int) -> HttpResponse:
    """Ask Stream whose key it is (Stream API, GetApp)."""
    app = _load(app_id)
    worked, finding = _ask(app)
    stream_apps.record_test(app, actor=actor_of(request), now=timezone.now(), worked=worked, finding=finding)
    (messages.success if worked else messages.error)(request, f"{app.name}: {finding}")
    return redirect("app-list")


def _ask(app: StreamApp) -> tuple[bool, str]:
    """Whether Stream took the key, and the sentence for staff."""
    try:
        info = gateway.client_for(app).get_app()
    except (StreamError, UnreadableSecret) as error:
        return False, str(error)
    owner = f" of {info.organization}" if info.organization else ""
    return True, f"Stream answers: this key belongs to “{info.name or 'an app without a name'}”{owner}."
