"""`sweep`, `verify_audit` and `state_diagram`: thin, and plain about what they found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from requests_app.enums import State
from requests_app.management.commands import sweep
from requests_app.models import Heartbeat
from tests import factories
from tests.sandbox_server import running_sandbox

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db(transaction=True)
def test_one_sweep_carries_an_export_out(capsys: Any) -> None:
    with running_sandbox() as stand_in:
        app = factories.stream_app(base_url=stand_in.base_url, api_key=stand_in.key)
        ticket = factories.approved(factories.export_plan("marie.curie", export_user_data=False), app=app)

        call_command("sweep", "--once")

        assert [call["operation"] for call in stand_in.calls()] == ["ExportFeedUserData"]
    ticket.refresh_from_db()
    assert ticket.state in {State.RUNNING, State.COMPLETED}
    assert capsys.readouterr().out.strip()
    assert Heartbeat.objects.filter(name="sweep").exists()


@pytest.mark.parametrize("options", [{}, {"once": True, "loop": 1.0}])
def test_sweep_wants_to_be_told_how_often(options: dict[str, object]) -> None:
    with pytest.raises(CommandError, match="either --once or --loop"):
        call_command("sweep", **options)


@pytest.mark.parametrize("pause", [0.01, -1.0])
def test_sweep_refuses_to_spin(pause: float) -> None:
    with pytest.raises(CommandError, match=r"at least 0\.1"):
        call_command("sweep", loop=pause)


@pytest.mark.django_db(transaction=True)
def test_the_loop_sweeps_until_it_is_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[int, Any] = {}
    sweeps: list[bool] = []

    def once(*, stopped: Any) -> None:
        sweeps.append(stopped())
        if len(sweeps) == 3:
            handlers[sweep.signal.SIGTERM](sweep.signal.SIGTERM, None)

    monkeypatch.setattr(sweep.signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(sweep, "sweep_once", once)

    call_command("sweep", loop=0.1)

    assert sweeps == [False, False, False]


@pytest.mark.django_db
def test_verify_audit_finds_a_log_that_was_cut_against_an_older_head(capsys: Any) -> None:
    factories.draft()
    call_command("verify_audit", "--progress")
    count, head = capsys.readouterr().out.splitlines()[1].split(":")

    with pytest.raises(CommandError, match="removed at the end"):
        call_command("verify_audit", "--head", f"{int(count) + 5}:{head}")
    with pytest.raises(CommandError, match="rewritten"):
        call_command("verify_audit", "--head", f"{count}:{'0' * 64}")


@pytest.mark.parametrize("head", ["", ":", "5", f"²:{'0' * 64}", f"x:{'0' * 64}", f"3:{'0' * 63}"])
@pytest.mark.django_db
def test_verify_audit_refuses_a_head_that_is_none(head: str) -> None:
    if head:
        with pytest.raises(CommandError, match="SEQUENCE:HASH"):
            call_command("verify_audit", "--head", head)
    else:
        call_command("verify_audit", "--head", head)


def test_the_diagram_in_the_docs_is_what_the_command_prints(capsys: Any) -> None:
    call_command("state_diagram")

    assert capsys.readouterr().out == (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
