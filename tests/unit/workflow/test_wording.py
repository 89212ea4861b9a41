"""The fields of letters are replaced once, and nothing in a text runs."""

from __future__ import annotations

from datetime import date

import pytest

from requests_app.enums import Kind, Language, LetterKind, Mode, Outcome, Reached, Refusal
from requests_app.workflow import letter_templates, refusals, saying, wording
from requests_app.workflow.plan import Plan
from requests_app.workflow.policies import UnableTo


def test_a_value_is_put_in_as_it_is_and_never_looked_at_again() -> None:
    assert wording.fill("Dear {person_name}: {reference}", {"person_name": "{reference}", "reference": "DSR-1"}) == (
        "Dear {reference}: DSR-1"
    )


@pytest.mark.parametrize(
    "text",
    ["{secret}", "{reference.__class__}", "{reference!r}", "{0}", "{", "}", "{{reference}}", "{% load x %}", "{{ x }}"],
)
def test_whatever_is_no_field_is_named(text: str) -> None:
    assert wording.problem(f"Hello {text}").endswith(".")


def test_every_field_is_one() -> None:
    assert wording.problem(" ".join(f"{{{name}}}" for name in wording.FIELDS)) == ""
    assert wording.left_over("Dear {person_name}") == ["person_name"]


def test_days_are_written_as_people_write_them() -> None:
    day = date(2026, 3, 5)
    assert [wording.day(day, one) for one in (Language.ENGLISH, Language.GERMAN)] == ["5 March 2026", "5. März 2026"]


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", list(LetterKind))
def test_every_text_that_came_with_the_portal_holds(kind: LetterKind, language: Language) -> None:
    letter_templates.check(kind, *letter_templates.shipped(kind, language))


@pytest.mark.parametrize("language", list(Language))
def test_what_is_only_hidden_is_never_called_erased(language: Language) -> None:
    soft = Plan(kind=Kind.ERASE, user_ids=("u",), user=Mode.SOFT)
    hard = Plan(kind=Kind.ERASE, user_ids=("u",), user=Mode.HARD)
    said, stays = saying.what_was_done(soft, Outcome.HIDDEN, language), saying.what_stays(soft, language)

    assert said != saying.what_was_done(hard, Outcome.ERASED, language)
    assert ("not erased" if language is Language.ENGLISH else "nicht gelöscht") in said
    assert saying.PARTS["messages"][language] in stays


@pytest.mark.parametrize("language", list(Language))
def test_a_letter_says_what_was_reached_and_not_what_was_planned(language: Language) -> None:
    plan = Plan(kind=Kind.ERASE, user_ids=("u",), user=Mode.HARD, feeds_data=Mode.HARD, files=True)
    reached = {"user": {Reached.REMOVED}, "feeds_data": {Reached.HIDDEN}, "files": {Reached.NOT_VERIFIED}}

    user, feeds, files = saying.what_was_done(plan, Outcome.NOT_VERIFIED, language, reached).splitlines()

    assert user.endswith("erased" if language is Language.ENGLISH else "gelöscht")
    assert ("not erased" if language is Language.ENGLISH else "nicht gelöscht") in feeds
    assert ("not been able to check" if language is Language.ENGLISH else "nicht überprüfen") in files


@pytest.mark.parametrize("code", list(Refusal))
def test_every_refusal_has_its_words_and_fits_something(code: Refusal) -> None:
    assert all(saying.REASONS[code][language] for language in Language)
    assert any(code in refusals.fitting(kind) for kind in Kind)


def test_only_fitting_refusals_with_their_evidence_are_taken() -> None:
    assert refusals.check(Kind.ERASE, "17_3_e", "") is Refusal.LEGAL_CLAIMS
    for kind, code, evidence, field in (
        (Kind.ERASE, "15_4", "", "code"),
        (Kind.EXPORT, "17_3_a", "", "code"),
        (Kind.ERASE, "", "", "code"),
        (Kind.ERASE, "12_5_excessive", " ", "evidence"),
        (Kind.EXPORT, "12_5_unfounded", "", "evidence"),
    ):
        with pytest.raises(UnableTo) as caught:
            refusals.check(kind, code, evidence)
        assert caught.value.field == field
