"""Files with many requests as their pages show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from requests_app.audit.actor import Actor
from requests_app.models import Upload, UploadedRow
from requests_app.workflow.access import in_apps_of, of_visible_tickets

# Tickets of one page of the result.
PAGE = 200
RECENT = 10


@dataclass(frozen=True)
class Result:
    """What became of the rows so far. `rows` are those of one page; `after` leads to the next, where there is one."""

    opened: int
    kept_out: int
    rows: list[UploadedRow]
    after: int | None


def with_token(token: str, actor: Actor) -> Upload | None:
    """The upload of a token, if it exists for this person, with who brought and who confirmed it."""
    related = ("stream_app", "uploaded_by", "confirmed_by")
    uploads = in_apps_of(Upload.objects.select_related(*related), actor)
    return uploads.defer("stream_app__api_secret").filter(token=token).first()


def recent(actor: Actor) -> list[Upload]:
    """The newest uploads for the apps of this person, without what they hold."""
    found = in_apps_of(Upload.objects.defer("content").select_related("uploaded_by", "confirmed_by"), actor)
    return list(found.filter(discarded_at__isnull=True)[:RECENT])


def result(upload: Upload, actor: Actor, *, after: int = 0) -> Result:
    """The tickets of an upload from a line on, and how many there are.

    One that has moved to an app which does not exist for this person is neither named nor counted.
    """
    rows = UploadedRow.objects.filter(upload=upload)
    opened = of_visible_tickets(rows.filter(ticket__isnull=False), actor)
    page = list(opened.filter(line__gt=after).defer("problem").order_by("line")[: PAGE + 1])
    kept_out = rows.filter(ticket__isnull=True).count()
    return Result(opened.count(), kept_out, page[:PAGE], page[PAGE - 1].line if len(page) > PAGE else None)


def problems(upload: Upload) -> Iterator[tuple[int, str]]:
    """The rows that were kept out when the file was taken: line and what was wrong."""
    rows = UploadedRow.objects.filter(upload=upload, ticket__isnull=True).order_by("line")
    return ((row.line, row.problem) for row in rows.iterator(chunk_size=500))
