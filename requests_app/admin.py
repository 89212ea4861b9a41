"""The admin looks, and changes nothing but staff: what else is written here would leave no entry.

Superusers only, and without the people behind the tickets: whoever looks at those does so on the portal's own
pages, which mask what the role does not need and record who read.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse

from requests_app.audit.actor import acting_as
from requests_app.models import Account, AppRole, Attempt, AuditEntry, Decision, Step, StreamApp, StreamTask, Ticket
from requests_app.views.loaders import actor_of


def _administers_all(request: HttpRequest) -> bool:
    """Whether this is a superuser whose role holds in all Stream apps.

    Whoever is bound to some would see every app here, and could free themselves.
    """
    is_superuser = bool(request.user.is_active and getattr(request.user, "is_superuser", False))
    return is_superuser and actor_of(request).in_all_apps


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Superusers may look whose role holds in all apps."""

    show_full_result_count = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _administers_all(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# A role is a group of the portal's own: renamed or deleted, everybody in it would lose the role.
admin.site.unregister([Group, get_user_model()])


class AppRoleInline(admin.TabularInline):  # type: ignore[type-arg]
    """Where somebody's role holds: given and taken, each of which is an entry, and never changed into another."""

    model = AppRole
    extra = 0

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("stream_app").defer("stream_app__api_secret")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(get_user_model())
class StaffAdmin(UserAdmin):  # type: ignore[type-arg]
    """The one thing that is changed here: who may sign in, and in which role. Each change is an entry.

    Only superusers whose role holds in all apps come here. Nobody is deleted: what they did names them. They are made
    inactive.
    """

    inlines = (AppRoleInline,)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _administers_all(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _administers_all(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _administers_all(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _administers_all(request)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        with acting_as(actor_of(request)):
            return super().changeform_view(request, object_id, form_url, extra_context)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        with acting_as(actor_of(request)):
            return super().user_change_password(request, id, form_url)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(StreamApp)
class StreamAppAdmin(ReadOnly):
    """Without key and secret."""

    fields = ("name", "from_environment", "base_url", "is_sandbox", "is_active", "created_at")
    list_display = ("name", "from_environment", "is_sandbox", "is_active")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("api_secret")


@admin.register(Ticket)
class TicketAdmin(ReadOnly):
    """Without requester and plan, which name people."""

    exclude = ("requester_name", "requester_email", "plan", "attention")
    list_display = ("reference", "kind", "state", "due_on", "outcome")
    list_filter = ("state", "kind")


@admin.register(Account)
class AccountAdmin(ReadOnly):
    """Without the user id."""

    exclude = ("user_id",)
    list_select_related = ("ticket",)
    list_display = ("pk", "ticket", "position", "kind", "is_open", "outcome")


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    """Without the note, and what shows it."""

    exclude = ("note", "evidence")


@admin.register(Step)
class StepAdmin(ReadOnly):
    """Without the user ids, and without what a call or Stream's answer says of them."""

    exclude = ("user_ids", "fields", "detail", "attempts")
    list_select_related = ("ticket",)
    list_display = ("pk", "ticket", "operation", "state", "attempt_count", "next_at", "outcome")
    list_filter = ("state", "operation")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    """The chain itself holds no personal data."""

    list_display = ("seq", "at", "action", "actor_name", "ticket_reference")
    list_filter = ("action",)


@admin.register(StreamTask, Attempt)
class QueueAdmin(ReadOnly):
    """What was sent, and what Stream works on."""

    list_display = ("pk", "operation")
