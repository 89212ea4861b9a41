"""The record of each operation: what it asks for, and what it cannot say."""

from __future__ import annotations

import pytest

from requests_app.enums import EXPORT_OPERATIONS, Operation
from requests_app.stream.operations import CALLS


def test_every_operation_has_a_record_under_a_name_of_its_own() -> None:
    assert set(CALLS) == set(Operation)
    assert len({call.endpoint for call in CALLS.values()}) == len({call.path for call in CALLS.values()}) == len(CALLS)


def test_exports_and_they_alone_leave_a_file() -> None:
    assert {operation for operation, call in CALLS.items() if call.file_name} == EXPORT_OPERATIONS


@pytest.mark.parametrize("operation", Operation)
def test_a_call_takes_as_many_ids_as_stream_allows_each_once(operation: Operation) -> None:
    call = CALLS[operation]
    full = [f"user-{place}" for place in range(call.most_ids)]

    call.body(full)
    for wrong in ([], [*full, "one-too-many"], ["twice", "twice"], [".."]):
        with pytest.raises(ValueError, match=r"user ids|an id"):
            call.body(wrong)


@pytest.mark.parametrize("operation", Operation)
def test_a_field_that_stream_does_not_know_is_not_sent(operation: Operation) -> None:
    with pytest.raises(ValueError, match="knows no field colour"):
        CALLS[operation].body(["somebody"], {"colour": True})


def test_an_id_in_a_path_is_encoded() -> None:
    assert CALLS[Operation.DELETE_FEEDS_DATA].path_for(["a/b c"]) == "/feeds/users/a%2Fb%20c/delete"
