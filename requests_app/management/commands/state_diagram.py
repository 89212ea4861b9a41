"""`manage.py state_diagram`: the lifecycle of a ticket as it stands in docs/states.md."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from requests_app.workflow.states import diagram

PAGE = """# Lifecycle of a ticket

Printed by `python manage.py state_diagram`; a test compares it with the table in requests_app/workflow/states.py.

```mermaid
{diagram}```
"""


class Command(BaseCommand):
    help = "Prints the lifecycle of a ticket as a page with a Mermaid diagram."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(PAGE.format(diagram=diagram()), ending="")
