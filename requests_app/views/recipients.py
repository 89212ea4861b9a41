"""Recipients: those of an app, and what became of telling each of them about an erasure (Art. 19 GDPR)."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from requests_app.forms.letter import InformingForm, RecipientsForm
from requests_app.models import Informing, StreamApp
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_of, load_ticket, page
from requests_app.views.tickets import ticket_response
from requests_app.workflow import recipients
from requests_app.workflow.policies import UnableTo


@page
@require_http_methods(["GET", "POST"])
def app_recipients(request: HttpRequest, app_id: int) -> HttpResponse:
    """Name the recipients of an app, one a line."""
    try:
        app: StreamApp = get_object_or_404(StreamApp.objects.defer("api_secret"), pk=app_id)
    except OverflowError:
        raise Http404 from None
    if request.method == "POST":
        form = RecipientsForm(request.POST)
        if form.is_valid():
            try:
                names = form.cleaned_data["names"].splitlines()
                recipients.save(app, names, actor=actor_of(request), now=timezone.now())
            except UnableTo as reason:
                form.add_error(reason.field or None, str(reason))
            else:
                messages.success(request, _("The recipients of {app} are saved.").format(app=app.name))
                return redirect("app-list")
    else:
        active = app.recipients.filter(is_active=True).values_list("name", flat=True)
        form = RecipientsForm(initial={"names": "\n".join(active)})
    context = {
        "form": form,
        "title": _("Recipients of {app}").format(app=app.name),
        "lead": _("Each is on the checklist of every erasure that ends from now on (Art. 19)"),
    }
    return render(request, "apps/form.html", context, status=422 if form.is_bound else 200)


@page
@form_only("ticket-detail", "reference")
def recipient_answer(request: HttpRequest, reference: str, informing_id: int) -> HttpResponse:
    """Note what became of telling one recipient."""
    ticket = load_ticket(request, reference)
    try:
        informing: Informing = get_object_or_404(ticket.informings.select_related("ticket"), pk=informing_id)
    except OverflowError:
        raise Http404 from None
    name = f"informing_{informing.pk}"
    form = InformingForm(request.POST, auto_id=f"{name}_%s")
    if not form.is_valid():
        return ticket_response(request, ticket, bound={name: form}, status=422)
    typed = form.cleaned_data
    try:
        recipients.answer(
            informing,
            told=typed["told"] == "yes",
            informed_on=typed["informed_on"],
            words=typed["words"],
            actor=actor_of(request),
            now=timezone.now(),
        )
    except UnableTo as reason:
        if reason.field not in form.fields:
            return ticket_response(request, ticket, trouble=str(reason), status=422)
        form.add_error(reason.field, str(reason))
        return ticket_response(request, ticket, bound={name: form}, status=422)
    messages.success(request, _("It is noted."))
    return redirect("ticket-detail", reference=ticket.reference)
