"""Files with many requests: goes on with those that were confirmed, and takes away what is no longer needed."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from requests_app.audit.actor import Actor
from requests_app.engine.timing import database_now
from requests_app.models import Upload, UploadedRow
from requests_app.workflow import imports, staff

# After the confirmation the page goes on by itself; the worker steps in where nobody keeps it open.
LEFT_ALONE = timedelta(seconds=30)
KEPT = timedelta(days=7)
# Of one turn.
SECONDS = 20.0


def run(actor: Actor, now: datetime) -> int:
    """Take rows of confirmed files, and discard those that nobody confirmed, or confirmed anew, within seven days.

    Returns how many files it dealt with.
    """
    done = 0
    begun = Upload.objects.filter(confirmed_at__lte=now - LEFT_ALONE, finished_at__isnull=True)
    for found in begun.filter(stopped_at__isnull=True).select_related("confirmed_by").order_by("pk"):
        person = found.confirmed_by
        if person is not None:
            confirmer = staff.as_actor(person, actor.origin)
            imports.take(found, actor=confirmer, now=database_now, seconds=SECONDS)
            done += 1
    unconfirmed = Q(uploaded_at__lte=now - KEPT, confirmed_at__isnull=True)
    old = Upload.objects.filter(unconfirmed | Q(stopped_at__lte=now - KEPT), discarded_at__isnull=True)
    for found in old:
        imports.discard(found, actor=actor, now=now)
        done += 1
    # What was typed into rows that were kept out goes as well.
    UploadedRow.objects.filter(upload__finished_at__lte=now - KEPT).exclude(problem="").update(problem="")
    return done
