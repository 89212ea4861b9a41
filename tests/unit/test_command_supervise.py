"""`manage.py supervise` refuses spans with which it could not look after a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"every": 0.0}, "Give --every more than 0 seconds, and --patience more than --every."),
        ({"every": 5.0, "patience": 5.0}, "Give --every more than 0 seconds, and --patience more than --every."),
        ({"longest_pause": 0.5}, "Give --longest-pause at least 1 second."),
    ],
)
def test_odd_spans_are_refused_before_a_cluster_starts(
    tmp_path: Path, options: dict[str, float], sentence: str
) -> None:
    pid_file = tmp_path / "qcluster.pid"

    with pytest.raises(CommandError) as refused:
        call_command("supervise", pid_file=str(pid_file), **options)

    assert str(refused.value) == sentence
    assert not pid_file.exists()
