"""Legal holds as their page shows them, and the open tickets that they stop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from requests_app.audit.actor import Actor
from requests_app.enums import Kind
from requests_app.models import Account, LegalHold
from requests_app.models.ticket import is_erased
from requests_app.workflow import permissions
from requests_app.workflow.access import in_apps_of, of_visible_tickets

LIFTED_SHOWN = 50


@dataclass(frozen=True)
class Line:
    """One hold; `account` is masked for those who only review. `stops` names open erasures of the account."""

    hold: LegalHold
    account: str
    stops: tuple[str, ...] = ()


def open_holds(actor: Actor) -> list[Line]:
    """Every hold that is open, newest first."""
    holds = list(_holds(actor).filter(lifted_at__isnull=True))
    stopped: dict[tuple[int, str], list[str]] = defaultdict(list)
    same = Account.objects.filter(is_open=True, kind=Kind.ERASE.value, user_id__in={hold.user_id for hold in holds})
    erasures = of_visible_tickets(same, actor).select_related("ticket")
    for account in erasures:
        stopped[account.stream_app_id, account.user_id].append(account.ticket.reference)
    return [_line(hold, actor, stopped[hold.stream_app_id, hold.user_id]) for hold in holds]


def lifted(actor: Actor) -> list[Line]:
    """The newest that are over."""
    return [_line(hold, actor) for hold in _holds(actor).filter(lifted_at__isnull=False)[:LIFTED_SHOWN]]


def _holds(actor: Actor) -> QuerySet[LegalHold]:
    related = ("stream_app", "placed_by", "lifted_by")
    holds = LegalHold.objects.select_related(*related).defer("stream_app__api_secret").order_by("-pk")
    return in_apps_of(holds, actor)


def _line(hold: LegalHold, actor: Actor, stops: Sequence[str] = ()) -> Line:
    account = hold.user_id if permissions.sees_personal_data(actor.role) else "one account"
    if is_erased(hold.user_id):
        account = _("erased account")
    return Line(hold, account, tuple(stops))
