"""Stream tasks: what Stream works on for us."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from requests_app.queries import stream_tasks as found
from requests_app.queries import waiting
from requests_app.views.loaders import actor_of, page
from requests_app.views.numbers import ID_DIGITS, number_or_none
from requests_app.views.paging import Pager


@page
@require_safe
def stream_task_list(request: HttpRequest) -> HttpResponse:
    """The list, newest first; the running ones move by themselves."""
    view = request.GET.get("view", "running")
    if view not in dict(found.VIEWS):
        view = "running"
    before = number_or_none(request.GET.get("before", ""), most_digits=ID_DIGITS)
    lines = found.page_before(found.in_view(view, actor_of(request)), before, actor_of(request))
    shown, base = lines[: found.PAGE], f"{reverse('stream-task-list')}?view={view}"
    context = {
        "view": view,
        "views": found.VIEWS,
        "lines": shown,
        "troubles": found.troubles(actor_of(request)),
        "waits": waiting.oldest(actor_of(request), now=timezone.now()) if view == "running" and not before else [],
        "polls": view == "running" and before is None,
        "pager": Pager(
            words=f"{len(shown)} on this page, newest first",
            first=base if before else "",
            next=f"{base}&before={shown[-1].pk}" if len(lines) > found.PAGE else "",
            back_label="Newest",
            next_label="Older",
        ),
    }
    fragment = request.htmx  # type: ignore[attr-defined]
    return render(request, "stream_tasks/_lines.html" if fragment else "stream_tasks/page.html", context)
