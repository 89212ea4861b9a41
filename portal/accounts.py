"""Signing in: nobody signs up by themselves, an administrator makes accounts."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth without sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
