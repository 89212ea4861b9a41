"""Answered is a ticket when its case was first closed, no longer at its end on Stream."""

from collections import defaultdict

from django.db import migrations
from django.db.models import Min
from django.utils import timezone

AT_ONCE = 500


def note_closings(apps, schema_editor):
    """The day of each answer once more, from the first entry of the log that says so."""
    Ticket = apps.get_model("requests_app", "Ticket")
    entries = apps.get_model("requests_app", "AuditEntry").objects.filter(action="ticket.answer")
    days = defaultdict(list)
    for pk, at in entries.order_by().values_list("ticket_id").annotate(first=Min("at")).iterator():
        days[timezone.localdate(at)].append(pk)
    Ticket.objects.filter(answered_on__isnull=False).update(answered_on=None)
    for day, ids in days.items():
        for begin in range(0, len(ids), AT_ONCE):
            Ticket.objects.filter(pk__in=ids[begin : begin + AT_ONCE]).update(answered_on=day)


class Migration(migrations.Migration):

    dependencies = [
        ("requests_app", "0031_audit_filters"),
    ]

    operations = [
        migrations.RunPython(note_closings, migrations.RunPython.noop),
    ]
