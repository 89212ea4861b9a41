"""Where everything is mounted."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from portal import health, metrics, signed_in

# Also answers for whatever fails before a view is reached: the session, the person, the page of another error.
handler500 = "portal.unavailable.server_error"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("signed-in/", signed_in.signed_in, name="signed-in"),
    path("accounts/", include("portal.account_urls")),
    path("admin/", admin.site.urls),
    path("", include("requests_app.urls")),
]

if settings.TOOLBAR:
    urlpatterns.insert(0, path("__debug__/", include("debug_toolbar.urls")))
