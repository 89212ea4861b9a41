"""Many requests out of one file: nothing before the confirmation, nothing twice, whatever happens in between."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.core import serializers
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.enums import Channel, Role, State
from requests_app.models import Account, AuditEntry, Contribution, Ticket, Upload, UploadedRow
from requests_app.upkeep import imports as chore
from requests_app.views import imports as views
from requests_app.views import spreadsheet
from requests_app.workflow import approval, imports, policies, tickets
from requests_app.workflow import plan as plans
from tests import factories
from tests.canary import EMAIL, NAME, USER_ID
from tests.factories import WORKER
from tests.people import actor, person, signed_in

pytestmark = pytest.mark.django_db

HEAD = "request,user_ids,received_on,preset,requester_name,requester_email,note"
TODAY = timezone.localdate().isoformat()


@pytest.fixture
def ada() -> Client:
    factories.stream_app()
    return signed_in("ada")


def line(user_id: str, kind: str = "erase", preset: str = "everything", more: str = ",,") -> str:
    return f"{kind},{user_id},{TODAY},{preset if kind == 'erase' else ''},{more}"


def send(client: Client, text: str | bytes, **changes: Any) -> Any:
    data = text if isinstance(text, bytes) else text.encode()
    values = {"stream_app": factories.stream_app().pk, "file": SimpleUploadedFile("r.csv", data)} | changes
    return client.post("/imports/", values)


def uploaded(client: Client, *lines: str) -> Upload:
    answer = send(client, "\n".join((HEAD, *lines)))
    assert answer.status_code == 302, answer.content.decode()
    found = Upload.objects.latest("pk")
    assert answer["Location"] == f"/imports/{found.token}/"
    return found


def place(found: Upload, verb: str = "") -> str:
    return f"/imports/{found.token}/{verb}"


def page(client: Client, found: Upload) -> str:
    return " ".join(unescape(client.get(place(found)).content.decode()).split())


def problems(client: Client, found: Upload) -> list[list[str]]:
    text = client.get(place(found, "problems.csv")).content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))[1:]


def test_nothing_is_taken_before_the_confirmation(ada: Client) -> None:
    found = uploaded(ada, line("u_1"), line("u_2", "export"))

    assert "<b>2</b> requests can be taken" in page(ada, found)
    assert not Ticket.objects.exists()

    answer = ada.post(place(found, "confirm/"))

    assert (answer.status_code, answer["Location"]) == (302, place(found))
    assert [account.user_id for account in Account.objects.order_by("pk")] == ["u_1", "u_2"]
    assert {ticket.state for ticket in Ticket.objects.all()} == {State.DRAFT}


def test_each_ticket_and_the_import_leave_entries(ada: Client) -> None:
    found = uploaded(ada, line("u_1", more=",,Told by phone."), line("u_2"))
    ada.post(place(found, "confirm/"))

    opened = AuditEntry.objects.filter(action=AuditAction.TICKET_OPENED.value).order_by("seq")
    assert [(entry.facts["import"], entry.facts["line"]) for entry in opened] == [(found.pk, 2), (found.pk, 3)]
    assert [len(entry.subjects) for entry in opened] == [1, 1]
    assert list(opened[0].texts) == ["note"]
    done = AuditEntry.objects.filter(action__startswith="import.").order_by("seq").values_list("action", flat=True)
    assert list(done) == ["import.upload", "import.confirm", "import.finish"]
    assert Ticket.objects.first().notes.get().text == "Told by phone."  # type: ignore[union-attr]


def test_what_a_form_makes_and_what_a_file_makes_is_alike(ada: Client) -> None:
    found = uploaded(ada, line("u_1"))
    ada.post(place(found, "confirm/"))
    by_file = Ticket.objects.get()
    by_hand = factories.draft(plans.from_json(by_file.plan | {"user_ids": ["u_2"]}), channel=Channel.OTHER, ground="")
    own = {"id", "_state", "plan", "plan_digest", "opened_at"}
    assert {name: value for name, value in vars(by_file).items() if name not in own} == {
        name: value for name, value in vars(Ticket.objects.get(pk=by_hand.pk)).items() if name not in own
    }
    assert by_file.owner == by_file.opened_by == person("ada")
    assert by_file.key.key
    assert by_file.accounts.get().subject


def test_pressed_twice_it_takes_nothing_twice(ada: Client) -> None:
    found = uploaded(ada, line("u_1"), line("u_2"))
    ada.post(place(found, "confirm/"))
    signed_in("ben").post(place(found, "confirm/"))
    ada.post(place(found, "confirm/"), headers={"HX-Request": "true"})

    assert Ticket.objects.count() == 2
    found.refresh_from_db()
    assert found.confirmed_by == person("ada")
    assert AuditEntry.objects.filter(action="import.confirm").count() == 1


def test_the_same_row_cannot_be_stored_twice(ada: Client) -> None:
    found = uploaded(ada, line("u_1"))
    ada.post(place(found, "confirm/"))

    with pytest.raises(Exception, match=r"(?i)unique"):
        UploadedRow.objects.create(upload=found, line=2)


def test_a_file_that_comes_again_is_told_and_takes_nothing_twice(ada: Client) -> None:
    first = uploaded(ada, line("u_1"))
    ada.post(place(first, "confirm/"))
    second = uploaded(ada, line("u_1"))

    shown = page(ada, second)
    assert "This very file was imported before." in shown
    assert f"{Ticket.objects.get().reference} is already open for this user id." in shown
    ada.post(place(second, "confirm/"))
    assert Ticket.objects.count() == 1


class Killed(BaseException):
    """The process ends here."""


def test_killed_in_between_it_goes_on_without_doubles(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH", 2)
    found = uploaded(ada, *(line(f"u_{number}") for number in range(7)))
    imports.confirm(found, actor=actor("ada"), now=timezone.now())
    real, calls = tickets.open_many, []

    def dies(*args: Any, **kwargs: Any) -> Any:
        made = real(*args, **kwargs)
        calls.append(len(made))
        if len(calls) == 3:
            raise Killed
        return made

    with monkeypatch.context() as patch:
        patch.setattr(tickets, "open_many", dies)
        with pytest.raises(Killed):
            imports.take(found, actor=actor("ada"), now=timezone.now, seconds=60)
    found.refresh_from_db()
    assert (found.position, Ticket.objects.count()) == (4, 4)

    assert imports.take(found, actor=actor("ada"), now=timezone.now, seconds=60)
    assert sorted(Account.objects.values_list("user_id", flat=True)) == [f"u_{number}" for number in range(7)]
    assert UploadedRow.objects.filter(upload=found).count() == 7


def test_the_worker_goes_on_where_nobody_keeps_the_page_open(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH", 1)
    monkeypatch.setattr(views, "SLICE", 0.0)
    found = uploaded(ada, line("u_1"), line("u_2"), line("u_3"))
    ada.post(place(found, "confirm/"))
    assert Ticket.objects.count() == 1
    shown = page(ada, found)
    assert "1 of 3 rows are done." in shown
    assert 'hx-trigger="load delay:2s"' in shown

    chore.run(WORKER, timezone.now())
    assert Ticket.objects.count() == 1, "the page has the first turn"
    chore.run(WORKER, timezone.now() + chore.LEFT_ALONE)

    assert Ticket.objects.count() == 3
    assert {ticket.opened_by for ticket in Ticket.objects.all()} == {person("ada")}


def test_somebody_elses_page_goes_on_in_the_name_of_who_confirmed(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH", 1)
    monkeypatch.setattr(views, "SLICE", 0.0)
    found = uploaded(ada, line("u_1"), line("u_2"))
    ada.post(place(found, "confirm/"))
    signed_in("ben").post(place(found, "confirm/"), headers={"HX-Request": "true"})

    assert {ticket.opened_by for ticket in Ticket.objects.all()} == {person("ada")}
    assert Ticket.objects.count() == 2


def test_rows_with_problems_stay_out_and_are_told(ada: Client) -> None:
    opened = factories.draft(factories.erase_plan("u_open"))
    found = uploaded(
        ada, line("u_1"), line("u_1"), line("u_open"), line("u_3", preset="nothing"), line("u_1", "export")
    )

    shown = page(ada, found)
    assert "<b>2</b> requests can be taken" in shown
    assert "<b>3</b> rows have problems and stay out" in shown
    assert problems(ada, found)[:2] == [
        ["3", "user_ids", "Line 2 asks the same for this user id already."],
        ["4", "user_ids", f"{opened.reference} is already open for this user id."],
    ]
    before = problems(ada, found)
    ada.post(place(found, "confirm/"))

    assert Ticket.objects.count() == 3
    assert problems(ada, found) == before
    assert "3 rows stayed out" in page(ada, found)


def test_what_was_opened_since_the_preview_is_not_opened_again(ada: Client) -> None:
    found = uploaded(ada, line("u_1"), line("u_2"))
    other = factories.draft(factories.erase_plan("u_2"))
    ada.post(place(found, "confirm/"))

    assert Ticket.objects.count() == 2
    assert problems(ada, found) == [["3", "user_ids", f"{other.reference} is already open for this user id."]]


def test_a_lost_race_is_looked_at_again(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    found = uploaded(ada, line("u_1"), line("u_2"))
    imports.confirm(found, actor=actor("ada"), now=timezone.now())
    other = factories.draft(factories.erase_plan("u_2"))
    real, blind = imports.open_accounts, [{}, {}]
    monkeypatch.setattr(imports, "open_accounts", lambda *args: blind.pop() if blind else real(*args))

    assert imports.take(found, actor=actor("ada"), now=timezone.now, seconds=60)

    assert Ticket.objects.count() == 2
    assert problems(ada, found)[0][2].startswith(other.reference)


def test_ids_that_differ_by_capital_letters_are_kept_and_warned_of(ada: Client) -> None:
    found = uploaded(ada, line("Marie"), line("marie"))
    shown = page(ada, found)
    assert "<b>2</b> requests can be taken" in shown
    assert "A user id of line 2 differs from one here by capital letters alone." in shown
    ada.post(place(found, "confirm/"))

    assert sorted(Account.objects.values_list("user_id", flat=True)) == ["Marie", "marie"]


def test_neither_who_uploaded_nor_who_confirmed_may_approve(ada: Client) -> None:
    dora = signed_in("dora")
    found = uploaded(dora, line("u_1"))
    ada.post(place(found, "confirm/"))
    ticket = tickets.submit(Ticket.objects.get(), actor=actor("ada"), now=timezone.now())

    assert set(Contribution.objects.values_list("actor__username", flat=True)) == {"dora", "ada"}
    shown = factories.seen(ticket)
    with pytest.raises(Exception, match="opened or edited"):
        approval.approve(ticket, actor=actor("dora"), now=timezone.now(), confirm_user_id="u_1", **shown)


def raw_contents() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT content FROM requests_app_upload")
        contents = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT problem FROM requests_app_uploadedrow")
        return " ".join(contents + [row[0] for row in cursor.fetchall()])


def test_what_was_uploaded_is_sealed_and_goes_when_it_is_over(ada: Client) -> None:
    found = uploaded(ada, line(USER_ID, more=f"{NAME},{EMAIL},"), line("u_2", preset=NAME))
    assert raw_contents()
    assert "Quillfeather" not in raw_contents()
    assert USER_ID not in raw_contents()
    ada.post(place(found, "confirm/"))

    found.refresh_from_db()
    assert found.content == ""
    assert "Quillfeather" not in raw_contents()
    assert NAME not in serializers.serialize("json", AuditEntry.objects.all())
    chore.run(WORKER, timezone.now() + chore.KEPT + timedelta(minutes=1))
    assert not UploadedRow.objects.exclude(problem="").exists()


def test_what_nobody_confirms_goes_after_seven_days(ada: Client) -> None:
    found = uploaded(ada, line("u_1"))
    chore.run(WORKER, timezone.now() + chore.KEPT - timedelta(minutes=1))
    found.refresh_from_db()
    assert found.content
    chore.run(WORKER, timezone.now() + chore.KEPT)
    found.refresh_from_db()

    assert found.content == ""
    answer = ada.post(place(found, "confirm/"))
    assert answer.status_code == 422
    assert "Upload it again" in answer.content.decode()
    assert not Ticket.objects.exists()


def test_it_can_be_thrown_away_until_it_is_confirmed(ada: Client) -> None:
    first, second = uploaded(ada, line("u_1")), uploaded(ada, line("u_2"))
    assert ada.post(place(first, "discard/")).status_code == 302
    ada.post(place(second, "confirm/"))

    assert ada.post(place(second, "discard/")).status_code == 422
    assert Upload.objects.get(pk=first.pk).content == ""
    assert Ticket.objects.get().accounts.get().user_id == "u_2"


def test_no_cell_becomes_a_formula(ada: Client) -> None:
    assert spreadsheet.harmless("=1+1") == "'=1+1"
    assert [spreadsheet.harmless(cell)[0] for cell in ("+1", "-1", "@x", "\tx", "\rx")] == ["'"] * 5
    found = uploaded(ada, line("u_1", preset="=cmd()"))

    assert not any(cell.startswith(("=", "+", "-", "@")) for row in problems(ada, found) for cell in row)


def test_a_bad_file_is_told_at_the_field_and_nothing_is_kept(ada: Client) -> None:
    answer = send(ada, HEAD.encode("utf-16"))

    assert answer.status_code == 422
    assert "UTF-16" in answer.context["form"].errors["file"][0]
    assert not Upload.objects.exists()


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR])
def test_only_casework_uploads(role: Role) -> None:
    name = {Role.AUDITOR: "otto", Role.ADMINISTRATOR: "ruth"}[role]

    assert send(signed_in(name), f"{HEAD}\n{line('u_1')}").status_code == 403
    with pytest.raises(Exception, match="cannot do this"):
        imports.upload(factories.stream_app(), b"x", actor=actor(name), now=timezone.now())
    assert AuditEntry.objects.filter(action=AuditAction.ATTEMPT_REFUSED.value).count() == 2


def test_the_template_is_taken_as_it_is(ada: Client) -> None:
    data = ada.get("/imports/template.csv").content

    assert send(ada, data).status_code == 302
    assert "<b>2</b> requests can be taken" in page(ada, Upload.objects.get())


def test_an_app_that_rests_takes_no_file(ada: Client) -> None:
    app = factories.stream_app(is_active=False)

    assert send(ada, f"{HEAD}\n{line('u_1')}").status_code == 422
    with pytest.raises(policies.UnableTo):
        imports.upload(app, b"x", actor=actor("ada"), now=timezone.now())


# A machine that is busy with the rest of the suite takes its time.
@pytest.mark.timeout(600)
def test_ten_thousand_requests(ada: Client) -> None:
    found = uploaded(ada, *(line(f"user-{number}", more=f"Somebody {number},,") for number in range(10_000)))
    assert "<b>10000</b> requests can be taken" in page(ada, found)
    while not Upload.objects.get(pk=found.pk).finished_at:
        ada.post(place(found, "confirm/"))

    assert Ticket.objects.count() == 10_000
    assert AuditEntry.objects.filter(action=AuditAction.TICKET_OPENED.value).count() == 10_000
    shown = page(ada, found)
    assert "10000 tickets are opened as drafts." in shown
    assert shown.count("data-row") == 200
    assert f'href="?after={Upload.objects.get().rows.all()[199].line}"' in shown
