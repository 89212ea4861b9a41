"""Saving the filters of the list under a name, and removing them again."""

from __future__ import annotations

from urllib.parse import parse_qsl

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from requests_app.forms.list import SaveViewForm
from requests_app.models import SavedView
from requests_app.queries import filters
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_of, page


@page
@form_only("ticket-list")
def view_save(request: HttpRequest) -> HttpResponse:
    """Keep the filters that are on; one name a person, so the same name again replaces them."""
    chosen = filters.read(QueryDict(request.POST.get("query", "")))
    form, there = SaveViewForm(request.POST), f"{reverse('ticket-list')}?{chosen.query()}"
    if not form.is_valid():
        sentence = next(iter(form.errors.values()))[0]
        messages.error(request, f"The view is not saved: {sentence}")
        return redirect(there)
    SavedView.objects.update_or_create(
        owner_id=actor_of(request).person_id,
        name=form.cleaned_data["name"],
        defaults={"query": chosen.query(), "is_shared": form.cleaned_data["is_shared"]},
    )
    messages.success(request, f"The view “{form.cleaned_data['name']}” is saved.")
    return redirect(there)


@page
@form_only("ticket-list")
def view_remove(request: HttpRequest, view_id: int) -> HttpResponse:
    """Remove a view of one's own."""
    view = get_object_or_404(SavedView, pk=view_id, owner=actor_of(request).person_id)
    there = dict(parse_qsl(view.query)).get("view", "open")
    view.delete()
    messages.success(request, f"The view “{view.name}” is removed.")
    return redirect(f"{reverse('ticket-list')}?view={there}")
