"""The admin site: superusers only, signed in like everywhere else, nothing of the queue."""

from __future__ import annotations

import functools
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse


class SafeAdminSite(AdminSite):
    """Refuses the registrations of django_q, and sends strangers to the portal's own sign-in.

    For whoever is signed in without the right there is no such page: signed in already, they would go back and forth.
    """

    site_header = "Data Requests administration"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        models = model_or_iterable if isinstance(model_or_iterable, list | tuple) else [model_or_iterable]
        own = [model for model in models if model._meta.app_label != "django_q"]
        if own:
            super().register(own, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        @functools.wraps(inner)
        def seen(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            self._check_not_closed(request)
            return inner(request, *args, **kwargs)

        return seen

    def _check_not_closed(self, request: HttpRequest) -> None:
        if request.user.is_authenticated and not self.has_permission(request):
            raise Http404

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        self._check_not_closed(request)
        return redirect_to_login(request.GET.get("next", "/admin/"))
