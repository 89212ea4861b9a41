"""Every URL of the domain. Who may open which stands in `workflow/permissions.py`, by these names."""

from __future__ import annotations

from django.urls import path

from requests_app.views import (
    apps,
    audit,
    downloads,
    my_work,
    sending,
    stream_tasks,
    ticket_form,
    ticket_verbs,
    tickets,
)

urlpatterns = [
    path("", my_work.my_work, name="my-work"),
    path("tickets/", tickets.ticket_list, name="ticket-list"),
    path("tickets/new/", ticket_form.ticket_new, name="ticket-new"),
    path("tickets/new/plan/", ticket_form.ticket_plan, name="ticket-plan"),
    path("tickets/<str:reference>/", tickets.ticket_detail, name="ticket-detail"),
    path("tickets/<str:reference>/progress/", tickets.ticket_progress, name="ticket-progress"),
    path("tickets/<str:reference>/edit/", ticket_form.ticket_edit, name="ticket-edit"),
    path("tickets/<str:reference>/submit/", ticket_verbs.submit, name="ticket-submit"),
    path("tickets/<str:reference>/approve/", ticket_verbs.approve, name="ticket-approve"),
    path("tickets/<str:reference>/send-back/", ticket_verbs.send_back, name="ticket-send-back"),
    path("tickets/<str:reference>/refuse/", ticket_verbs.refuse, name="ticket-refuse"),
    path("tickets/<str:reference>/cancel/", ticket_verbs.cancel, name="ticket-cancel"),
    path("tickets/<str:reference>/retry/", ticket_verbs.retry, name="ticket-retry"),
    path("tickets/<str:reference>/give-up/", ticket_verbs.give_up, name="ticket-give-up"),
    path("tickets/<str:reference>/restore/", ticket_verbs.restore, name="ticket-restore"),
    path("tickets/<str:reference>/note/", ticket_verbs.add_note, name="ticket-note"),
    path("tickets/<str:reference>/steps/<int:step_id>/download/", downloads.step_download, name="step-download"),
    path("approvals/", tickets.approval_list, name="approval-list"),
    path("stream-tasks/", stream_tasks.stream_task_list, name="stream-task-list"),
    path("sending/", sending.sending, name="sending"),
    path("sending/pause/", sending.pause, name="sending-pause"),
    path("sending/lift/", sending.lift, name="sending-lift"),
    path("audit/", audit.audit_list, name="audit-list"),
    path("audit/check/", audit.audit_check, name="audit-check"),
    path("apps/", apps.app_list, name="app-list"),
    path("apps/new/", apps.app_new, name="app-new"),
    path("apps/<int:app_id>/", apps.app_edit, name="app-edit"),
    path("apps/<int:app_id>/test/", apps.app_test, name="app-test"),
]
