"""Files handed out. The export of a step comes from Stream, by a fresh link each time that is never stored or shown;
an attachment from the portal's own folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from requests_app import gateway
from requests_app.enums import EXPORT_OPERATIONS, Operation, StepState
from requests_app.models import Step, Ticket
from requests_app.models.sealed import UnreadableSecret
from requests_app.stream.errors import NotFound, StreamError
from requests_app.stream.links import ExportStream
from requests_app.stream.operations import CALLS
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_of, load_attachment, load_ticket, page
from requests_app.views.tickets import ticket_response
from requests_app.workflow import access, attachments, retention
from requests_app.workflow.policies import UnableTo

_GONE = "Stream no longer has this file: it keeps exports for 60 days. Open a new ticket to export the data again."
_OVER = _("The days in which this export is handed out are over. Open a new ticket where the person asks for it again.")


class Delivery:
    """The pieces of a file; closes the connection to Stream whether they were all taken or not."""

    def __init__(self, stack: ExitStack, stream: ExportStream) -> None:
        self._stack = stack
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        return self._stream.iter_chunks()

    def close(self) -> None:
        """Let go of the connection."""
        self._stack.close()


@page
@require_http_methods(["GET", "POST"])
def step_download(request: HttpRequest, reference: str, step_id: int) -> HttpResponseBase:
    """Hand the file on, piece by piece. Who got it and how large it was goes to the log first."""
    ticket = load_ticket(request, reference)
    step = _load_step(ticket, step_id)
    if retention.export_over(step, ticket, now=timezone.now()):
        return ticket_response(request, ticket, trouble=str(_OVER), status=410)
    stack = ExitStack()
    try:
        stream = _open(step, ticket, stack)
    except NotFound:
        return ticket_response(request, ticket, trouble=_GONE, status=410)
    except (StreamError, UnreadableSecret) as error:
        sentence = f"The file could not be fetched. {error} Try again in a moment."
        return ticket_response(request, ticket, trouble=sentence, status=502)
    try:
        access.record_download(ticket, step, actor=actor_of(request), now=timezone.now(), size=stream.size)
    except BaseException:
        stack.close()
        raise
    response = StreamingHttpResponse(Delivery(stack, stream), content_type="application/octet-stream")
    name = CALLS[Operation(step.operation)].file_name
    response["Content-Disposition"] = f'attachment; filename="{ticket.reference}-{step.position + 1}-{name}"'
    if stream.size is not None:
        response["Content-Length"] = str(stream.size)
    return response


def _load_step(ticket: Ticket, step_id: int) -> Step:
    exported = ticket.steps.filter(
        operation__in=[operation.value for operation in EXPORT_OPERATIONS],
        state=StepState.DONE.value,
        stream_task__isnull=False,
    )
    try:
        step: Step = get_object_or_404(exported.select_related("stream_task"), pk=step_id)
    except OverflowError:
        raise Http404 from None
    return step


def _open(step: Step, ticket: Ticket, stack: ExitStack) -> ExportStream:
    client = gateway.client_for(ticket.stream_app)
    report = client.get_task(step.stream_task.task_id if step.stream_task else "")
    if not report.url:
        raise NotFound("The export has no file any more.", operation="OpenExport", status=404)
    return stack.enter_context(client.open_export(report.url))


@page
@form_only("ticket-detail", "reference")
def attachment_download(request: HttpRequest, reference: str, attachment_id: int) -> HttpResponseBase:
    """Hand an attachment out, to be saved and never to be shown: it came from outside."""
    attachment = load_attachment(request, reference, attachment_id)
    try:
        content = attachments.open_file(attachment, actor=actor_of(request), now=timezone.now())
    except UnableTo as reason:
        return ticket_response(request, load_ticket(request, reference), trouble=str(reason), status=410)
    response = StreamingHttpResponse(content, content_type="application/octet-stream")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=attachment.name) or ""
    response["Content-Length"] = str(attachment.size)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response
