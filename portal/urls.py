"""Where everything is mounted."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from portal import health, metrics

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("accounts/", include("portal.account_urls")),
    path("admin/", admin.site.urls),
    path("", include("requests_app.urls")),
]
