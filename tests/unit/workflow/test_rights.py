"""Rights as a table: who holds which, with a sentence for everybody else, and each of them opens something."""

from __future__ import annotations

import pytest

from requests_app.audit.actor import Actor
from requests_app.enums import STAFF_ROLES, Role
from requests_app.workflow import permissions
from requests_app.workflow.rights import RIGHTS, Right

# Asked for on the command line, and by what is chosen on a page that another right opens.
WITHOUT_A_PAGE = {Right.DESTROY_KEYS, Right.PAUSE_ALL}


@pytest.mark.parametrize("right", list(Right))
@pytest.mark.parametrize("role", [*Role, None])
def test_asking_and_checking_agree(role: Role | None, right: Right) -> None:
    actor = Actor(1, role, "x")
    if role in RIGHTS[right].roles:
        assert permissions.may(actor, right)
        permissions.check_may(actor, right)
    else:
        assert not permissions.may(actor, right)
        with pytest.raises(permissions.NotPermitted, match=r"^[A-Z].*\.$"):
            permissions.check_may(actor, right)


def test_each_right_has_a_row_of_its_own_and_is_held_by_staff_alone() -> None:
    assert set(RIGHTS) == set(Right)
    assert all(spec.roles and spec.roles <= STAFF_ROLES for spec in RIGHTS.values())


def test_each_right_opens_a_page_and_no_page_is_opened_by_two() -> None:
    pages = [page for own in permissions._PAGES.values() for page in own]

    assert set(permissions._PAGES) == set(Right) - WITHOUT_A_PAGE
    assert len(set(pages)) == len(pages)


def test_those_who_review_hold_nothing_that_changes_a_ticket() -> None:
    held = {right for right, spec in RIGHTS.items() if Role.AUDITOR in spec.roles}

    assert held == {
        Right.SEE_TICKETS,
        Right.SEE_APPROVALS,
        Right.PROVE_TICKETS,
        Right.UNMASK,
        Right.SEE_HOLDS,
        Right.SEE_REPORTS,
        Right.SEE_AUDIT_LOG,
        Right.REPORT_FROM_AUDIT_LOG,
    }
