"""The usual ways to erase: each holds by the plan's rules and does what its sentence says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from requests_app.enums import Kind, Mode
from requests_app.workflow import plan as plans
from requests_app.workflow import presets
from requests_app.workflow.plan import Plan


def plan_of(preset: presets.Preset, **changes: Any) -> Plan:
    return Plan(kind=Kind.ERASE, user_ids=("u",), files=preset.files, **(dict(preset.modes) | changes))


@pytest.mark.parametrize("preset", presets.PRESETS, ids=lambda preset: preset.name)
def test_each_is_a_plan_that_holds_and_is_found_again(preset: presets.Preset) -> None:
    assert plans.problems(plan_of(preset)) == ()
    assert set(preset.modes) == set(plans.MODES)
    assert presets.matching(plan_of(preset)) is preset
    assert not presets.is_own_choice(plan_of(preset))


def test_they_are_what_they_are_called() -> None:
    assert all(mode is Mode.HARD for mode in presets.EVERYTHING.modes.values())
    assert plans.delete_fields(plan_of(presets.IDENTITY)) == {"user": "pruning"}
    assert plans.is_soft_only(plan_of(presets.HIDE))


def test_one_other_mode_makes_it_a_choice_of_ones_own() -> None:
    changed = plan_of(presets.EVERYTHING, calls=Mode.SOFT)

    assert presets.matching(changed) is None
    assert presets.is_own_choice(changed)
    assert presets.is_own_choice(replace(plan_of(presets.EVERYTHING), files=False))


def test_nothing_chosen_and_an_export_are_no_choice_of_ones_own() -> None:
    assert not presets.is_own_choice(Plan(kind=Kind.ERASE, user_ids=("u",)))
    assert not presets.is_own_choice(Plan(kind=Kind.EXPORT, user_ids=("u",), export_user_data=True))
