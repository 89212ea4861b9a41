from itertools import islice

from cryptography.fernet import Fernet
from django.db import migrations

from requests_app.audit import keys
from requests_app.models.sealed import seal, unseal

AT_ONCE = 500


def batches(rows):
    """Rows in the order of their keys, some at a time: what is written in between is not read again."""
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:AT_ONCE]):
        yield batch
        last = batch[-1].pk


def give_keys(apps, schema_editor):
    """A key for each ticket; what its entries say is sealed under it, and its accounts get their pseudonyms."""
    Ticket, TicketKey = apps.get_model("requests_app", "Ticket"), apps.get_model("requests_app", "TicketKey")
    for batch in batches(Ticket.objects.only("pk")):
        TicketKey.objects.bulk_create(TicketKey(ticket_id=row.pk, key=Fernet.generate_key().decode()) for row in batch)


def seal_texts(apps, schema_editor):
    AuditEntry, AuditText = apps.get_model("requests_app", "AuditEntry"), apps.get_model("requests_app", "AuditText")
    TicketKey = apps.get_model("requests_app", "TicketKey")
    for batch in batches(AuditText.objects.filter(ticket_id__isnull=True)):
        entries = AuditEntry.objects.filter(seq__in=[row.seq for row in batch], ticket_id__isnull=False)
        tickets = dict(entries.values_list("seq", "ticket_id"))
        ticket_keys = dict(TicketKey.objects.filter(ticket__in=set(tickets.values())).values_list("ticket_id", "key"))
        changed = []
        for row in batch:
            key = ticket_keys.get(tickets.get(row.seq))
            if key:
                token = Fernet(key).encrypt(f"{row.salt}{unseal(row.sealed)}".encode()).decode()
                row.sealed, row.salt, row.ticket_id = token, "", tickets[row.seq]
                changed.append(row)
        AuditText.objects.bulk_update(changed, ["sealed", "salt", "ticket_id"])


def name_accounts(apps, schema_editor):
    Account = apps.get_model("requests_app", "Account")
    for batch in batches(Account.objects.filter(subject="").select_related("ticket")):
        for account in batch:
            year = keys.year_of(account.ticket.opened_at)
            account.subject = keys.subject(year, account.stream_app_id, account.user_id)
        Account.objects.bulk_update(batch, ["subject"])


def unseal_texts(apps, schema_editor):
    """Back: under FIELD_KEY again. A text whose key was destroyed stays erased, so its row goes."""
    AuditText, TicketKey = apps.get_model("requests_app", "AuditText"), apps.get_model("requests_app", "TicketKey")
    for batch in batches(AuditText.objects.filter(ticket_id__isnull=False)):
        ids = {row.ticket_id for row in batch}
        ticket_keys = dict(TicketKey.objects.filter(ticket__in=ids).values_list("ticket_id", "key"))
        kept = [row for row in batch if ticket_keys.get(row.ticket_id)]
        AuditText.objects.filter(pk__in={row.pk for row in batch} - {row.pk for row in kept}).delete()
        for row in kept:
            clear = Fernet(ticket_keys[row.ticket_id]).decrypt(row.sealed.encode()).decode()
            row.salt, row.sealed, row.ticket_id = clear[:32], seal(clear[32:]), None
        AuditText.objects.bulk_update(kept, ["sealed", "salt", "ticket_id"])


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0008_personal_keys")]

    operations = [
        migrations.RunPython(give_keys, migrations.RunPython.noop),
        migrations.RunPython(seal_texts, unseal_texts),
        migrations.RunPython(name_accounts, migrations.RunPython.noop),
    ]
