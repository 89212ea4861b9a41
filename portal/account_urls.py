"""The pages of allauth that the portal has: sign in, sign out, change one's password, confirm that it is oneself."""

from __future__ import annotations

from allauth.account import views
from django.contrib.auth.decorators import login_not_required
from django.urls import path

urlpatterns = [
    path("login/", login_not_required(views.login), name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("password/change/", views.password_change, name="account_change_password"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    # allauth names these two in redirects; both lead to the sign-in.
    path("signup/", login_not_required(views.signup), name="account_signup"),
    path("inactive/", login_not_required(views.account_inactive), name="account_inactive"),
]
