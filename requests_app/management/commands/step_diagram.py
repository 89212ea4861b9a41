"""`manage.py step_diagram`: the lifecycle of a step as it stands in docs/steps.md."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from requests_app.steps.drawing import diagram, table

PAGE = """# Lifecycle of a step

Printed by `python manage.py step_diagram`; a test compares it with the table in requests_app/steps/lifecycle.py.
`requests_app/steps/write.py` alone writes steps, by these events: an event in a state that the table lacks, or with
columns that are not its own, raises and changes nothing.

```mermaid
{diagram}```

A column that an event does not name is kept. *Cleared* is back to what it was when the step was laid out, *given* is
what the caller says, and must say.

{table}"""


class Command(BaseCommand):
    help = "Prints the lifecycle of a step as a page with a Mermaid diagram and a table."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(PAGE.format(diagram=diagram(), table=table()), ending="")
