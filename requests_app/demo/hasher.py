"""How the passwords of a demo are kept: everybody can read them on its first page, so that no strength is bought."""

from __future__ import annotations

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class DemoPasswordHasher(PBKDF2PasswordHasher):
    """Django's own, with so few rounds that making seven people and signing in take no seconds of the start."""

    iterations = 1_000
