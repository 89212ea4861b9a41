"""The texts of letters: the list, and the editor with its preview on a real ticket."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from requests_app.enums import Language, LetterKind
from requests_app.forms.letter import TemplateForm
from requests_app.models import LetterTemplate, Ticket
from requests_app.views.loaders import actor_of, page
from requests_app.workflow import letter_templates, letters, permissions, wording
from requests_app.workflow.access import visible_tickets
from requests_app.workflow.policies import UnableTo

# What stands for the reason in a preview: each ticket has its own, and most have none.
_REASON = {Language.ENGLISH: "(the reason)", Language.GERMAN: "(der Grund)"}


@page
@require_safe
def template_list(request: HttpRequest) -> HttpResponse:
    """Every kind of letter in every language, in its newest version."""
    newest: dict[tuple[str, str], LetterTemplate] = {}
    for one in LetterTemplate.objects.select_related("written_by").order_by("version"):
        newest[one.kind, one.language] = one
    rows = [
        (kind, [(language, newest.get((kind.value, language.value))) for language in Language]) for kind in LetterKind
    ]
    return render(request, "letters/templates.html", {"rows": rows})


@page
@require_http_methods(["GET", "POST"])
def template_edit(request: HttpRequest, kind: str, language: str) -> HttpResponse:
    """Change a text: saving makes a new version."""
    if kind not in set(LetterKind) or language not in set(Language):
        raise Http404
    which, tongue = LetterKind(kind), Language(language)
    subject, body, newest = letter_templates.text_of(which, tongue)
    version = newest.version if newest else 0
    initial = {"subject": subject, "body": body, "version": version}
    if request.method != "POST":
        return _page(request, which, tongue, TemplateForm(initial=initial))
    form = TemplateForm(request.POST)
    if not form.is_valid():
        return _page(request, which, tongue, form, status=422)
    typed = form.cleaned_data
    try:
        if request.POST.get("action") == "preview":
            letter_templates.check(which, typed["subject"], typed["body"])
            return _page(request, which, tongue, form)
        made = letter_templates.save(
            which,
            tongue,
            subject=typed["subject"],
            body=typed["body"],
            shown=typed["version"] or 0,
            actor=actor_of(request),
            now=timezone.now(),
        )
    except UnableTo as reason:
        form.add_error(reason.field if reason.field in form.fields else None, str(reason))
        return _page(request, which, tongue, form, status=422)
    messages.success(request, _("The text is saved as version {version}.").format(version=made.version))
    return redirect("letter-template-list")


def _page(
    request: HttpRequest, kind: LetterKind, language: Language, form: TemplateForm, *, status: int = 200
) -> HttpResponse:
    clear = permissions.sees_personal_data(actor_of(request).role)
    ticket = _ticket(request, str(form["reference"].value() or ""))
    subject, body = str(form["subject"].value() or ""), str(form["body"].value() or "")
    values: dict[str, str] = {}
    if ticket is not None:
        now, reason = timezone.now(), _REASON[language]
        values = letters.values(ticket, language, now=now, reason=reason, masked=not clear)
    versions = LetterTemplate.objects.filter(kind=kind.value, language=language.value)
    context = {
        "form": form,
        "kind": kind,
        "language": language,
        "fields": wording.FIELDS.items(),
        "of": ticket,
        "masked": not clear,
        "subject": wording.fill(subject, values),
        "body": wording.fill(body, values),
        "versions": versions.select_related("written_by"),
    }
    return render(request, "letters/template.html", context, status=status)


def _ticket(request: HttpRequest, reference: str) -> Ticket | None:
    """The ticket that was asked for, or the newest, as far as it exists for this person."""
    visible = visible_tickets(actor_of(request))
    try:
        named = visible.with_reference(reference.strip().upper()).first() if reference.strip() else None
    except OverflowError:
        named = None
    return named or visible.order_by("-pk").first()
