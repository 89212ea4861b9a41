"""Usual ways to erase, as data: a name, a sentence that says what it means, and a choice for each kind of data.

They only fill the form in; what holds is said by `plan.py`. Imports no Django.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from requests_app.enums import Kind, Mode
from requests_app.workflow.plan import MODES, Plan


@dataclass(frozen=True)
class Preset:
    """One usual way. `modes` has every kind of data of `plan.MODES`; `files` goes along."""

    name: str
    label: str
    sentence: str
    modes: Mapping[str, Mode]
    files: bool = False


def _all(mode: Mode) -> Mapping[str, Mode]:
    return MappingProxyType(dict.fromkeys(MODES, mode))


EVERYTHING = Preset(
    "everything",
    "Everything gone",
    "The account and all they wrote, uploaded and posted is removed for good, conversations of two people included.",
    _all(Mode.HARD),
    files=True,
)
IDENTITY = Preset(
    "identity",
    "Identity gone, conversations readable",
    "Name, picture and custom data are removed for good. What they wrote stays where it is, under a bare user id.",
    MappingProxyType({**_all(Mode.KEEP), "user": Mode.PRUNING}),
)
HIDE = Preset(
    "hide",
    "Hide only",
    "Nobody in the app sees it any more, but Stream keeps all of it. This alone does not fulfil a request for erasure.",
    _all(Mode.SOFT),
)
PRESETS = (EVERYTHING, IDENTITY, HIDE)
BY_NAME: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in PRESETS})


def matching(plan: Plan) -> Preset | None:
    """The preset that the plan is made of, whatever its accounts, owners and copy; None for a choice of one's own."""
    if plan.kind is not Kind.ERASE:
        return None
    for preset in PRESETS:
        if preset.files == plan.files and all(getattr(plan, name) is mode for name, mode in preset.modes.items()):
            return preset
    return None


def is_own_choice(plan: Plan) -> bool:
    """Whether anything is chosen, and it is none of the presets."""
    chosen = plan.files or any(getattr(plan, name) is not Mode.KEEP for name in MODES)
    return plan.kind is Kind.ERASE and chosen and matching(plan) is None
