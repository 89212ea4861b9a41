"""`manage.py create_staff NAME --role dpo`: an account for a staff member."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from requests_app.audit.actor import Actor
from requests_app.enums import STAFF_ROLES, Role
from requests_app.models import StreamApp
from requests_app.workflow.staff import create_staff


class Command(BaseCommand):
    help = "Creates a staff member in a role. The password is read from PORTAL_PASSWORD."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what they sign in with")
        parser.add_argument("--role", required=True, choices=sorted(role.value for role in STAFF_ROLES))
        parser.add_argument("--full-name", default="")
        parser.add_argument("--email", default="")
        parser.add_argument(
            "--app",
            action="append",
            default=[],
            metavar="NAME",
            help="a Stream app that the role holds in, may be given again; without it all of them",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        people, name = get_user_model(), options["name"].strip()
        password = os.environ.get("PORTAL_PASSWORD", "")
        if not password:
            raise CommandError("Set PORTAL_PASSWORD to the password of the new staff member.")
        if people.objects.filter(username__iexact=name).exists():
            raise CommandError(f"There is already somebody called {name}. Choose another name.")
        first, _, last = options["full_name"].partition(" ")
        person = people(username=name, email=options["email"], first_name=first, last_name=last)
        try:
            person.clean_fields(exclude=["password"])
            validate_password(password, person)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        role, apps = Role(options["role"]), _apps(options["app"])
        create_staff(
            username=name,
            password=password,
            role=role,
            full_name=options["full_name"],
            email=options["email"],
            actor=Actor(None, Role.ADMINISTRATOR, "command line", "command line"),
            now=timezone.now(),
            apps=apps,
        )
        where = f" for {', '.join(app.name for app in apps)}" if apps else ""
        self.stdout.write(f"{name} can sign in as {role.label.lower()}{where}.")


def _apps(names: Sequence[str]) -> list[StreamApp]:
    apps = {app.name: app for app in StreamApp.objects.defer("api_secret")}
    unknown = [name for name in names if name not in apps]
    if unknown:
        raise CommandError(f"There is no Stream app {unknown[0]}. There are: {', '.join(sorted(apps)) or 'none yet'}.")
    return [apps[name] for name in dict.fromkeys(names)]
