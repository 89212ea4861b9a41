"""The table of `lifecycle.py` as people read it: a diagram, and what each event does to the columns. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from requests_app.enums import STEP_FINAL, Outcome, StepState
from requests_app.steps.lifecycle import RULES, TRANSITIONS, Rule, StepEvent


def diagram() -> str:
    """The transitions as a Mermaid state diagram; what leads back to where it was stands in the table alone."""
    lines = ["stateDiagram-v2"]
    for (state, event), following in TRANSITIONS.items():
        if state is not following:
            lines.append(f"    {state.value if state else '[*]'} --> {following.value}: {event.value}")
    lines += [f"    {state.value} --> [*]" for state in StepState if state in STEP_FINAL]
    return "\n".join(lines) + "\n"


def table() -> str:
    """Each event with its meaning, its states and what it does to the columns, as a Markdown table."""
    lines = ["| Event | Means | From → to | Columns |", "|---|---|---|---|"]
    for event in StepEvent:
        lines.append(f"| `{event.value}` | {event.label} | {_ways(event)} | {'; '.join(_columns(event))} |")
    return "\n".join(lines) + "\n"


def _ways(event: StepEvent) -> str:
    ways = [(state, after) for (state, one), after in TRANSITIONS.items() if one is event]
    return ", ".join(f"{state.value if state else '(none)'} → {after.value}" for state, after in ways)


def _columns(event: StepEvent) -> Iterator[str]:
    """What the event changes, the columns of one rule together."""
    rules = RULES[event]
    for rule in Rule:
        names = [column for column, own in rules.items() if own is rule]
        if names and rule is not Rule.KEPT:
            yield f"{rule.value}: {', '.join(names)}"
    for column, own in rules.items():
        if isinstance(own, Outcome):
            yield f"{column}: {own.value}"
