# What all migrations up to 0036 make, in a fraction of their time, for a database that has none of them yet. One that has
# some goes on with those.

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
import requests_app.models.sealed
import requests_app.models.upload
from django.conf import settings
from django.db import migrations, models


from requests_app.models import triggers

INDEX = "audit_subjects"


def index_subjects(apps, schema_editor):
    """What is about a person is found by an index; SQLite has none for what stands in a list."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            f"CREATE INDEX {INDEX} ON requests_app_auditentry USING gin (subjects jsonb_path_ops)"
        )


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP INDEX IF EXISTS {INDEX}")


def install(apps, schema_editor):
    triggers.install(schema_editor)


def remove(apps, schema_editor):
    triggers.remove(schema_editor)


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('requests_app', '0001_initial'),
        ('requests_app', '0002_triggers'),
        ('requests_app', '0003_pauses'),
        ('requests_app', '0004_legal_holds'),
        ('requests_app', '0005_two_approvers'),
        ('requests_app', '0006_owners_and_views'),
        ('requests_app', '0007_open_tickets'),
        ('requests_app', '0008_personal_keys'),
        ('requests_app', '0009_seal_under_ticket_keys'),
        ('requests_app', '0010_found_by_index'),
        ('requests_app', '0011_cover_sheets'),
        ('requests_app', '0012_erasing'),
        ('requests_app', '0013_attachments'),
        ('requests_app', '0014_answered_on'),
        ('requests_app', '0015_time_limits'),
        ('requests_app', '0016_vocabulary_0355'),
        ('requests_app', '0017_audit_checkpoints'),
        ('requests_app', '0018_previews'),
        ('requests_app', '0019_uploads_and_form_drafts'),
        ('requests_app', '0020_identity'),
        ('requests_app', '0021_vocabulary_0408'),
        ('requests_app', '0022_notes_mentions_presence'),
        ('requests_app', '0023_outbox'),
        ('requests_app', '0024_letters'),
        ('requests_app', '0025_vocabulary'),
        ('requests_app', '0026_reminders'),
        ('requests_app', '0027_vocabulary'),
        ('requests_app', '0028_about_whom'),
        ('requests_app', '0029_moving_tickets'),
        ('requests_app', '0030_searches_and_settings'),
        ('requests_app', '0031_audit_filters'),
        ('requests_app', '0032_answered_by_closing'),
        ('requests_app', '0033_mails_told'),
        ('requests_app', '0034_single_keys'),
        ('requests_app', '0035_outcomes_by_kind'),
        ('requests_app', '0036_kind_results'),
    ]

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditCheckpoint',
            fields=[
                ('size', models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ('root', models.CharField(max_length=64)),
                ('head', models.CharField(max_length=64)),
                ('note', models.TextField()),
                ('frontier', models.JSONField()),
                ('made_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='AuditWitness',
            fields=[
                ('name', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('size', models.PositiveBigIntegerField(default=0)),
                ('reached_at', models.DateTimeField(blank=True, null=True)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('failed_at', models.DateTimeField(blank=True, null=True)),
                ('error', models.CharField(blank=True, max_length=300)),
                ('next_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name_plural': 'audit witnesses',
            },
        ),
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('name', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('beat_at', models.DateTimeField()),
                ('facts', models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='Mail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('letter', 'Letter to the person'), ('reminder', 'Reminder to staff')], max_length=20)),
                ('key', models.CharField(max_length=160, unique=True)),
                ('recipient', requests_app.models.sealed.SealedTextField(blank=True)),
                ('subject', requests_app.models.sealed.SealedTextField(blank=True)),
                ('body', requests_app.models.sealed.SealedTextField(blank=True)),
                ('queued_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('waiting', 'Waits to be sent'), ('sending', 'Being sent'), ('sent', 'Sent'), ('failed', 'Not sent'), ('unknown', 'Nobody knows whether it went out')], default='waiting', max_length=10)),
                ('next_at', models.DateTimeField(blank=True, null=True)),
                ('attempt_count', models.PositiveSmallIntegerField(default=0)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('lease_token', models.PositiveBigIntegerField(default=0)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['id'],
                'indexes': [models.Index(fields=['state'], name='mail_state'), models.Index(condition=models.Q(('state', 'waiting')), fields=['next_at'], name='mail_due'), models.Index(condition=models.Q(('state', 'sending')), fields=['lease_until'], name='mail_being_sent')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'sending', 'sent', 'failed', 'unknown'])), name='mail_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'sent'), ('sent_at__isnull', False)), models.Q(models.Q(('state', 'sent'), _negated=True), ('sent_at__isnull', True)), _connector='OR'), name='sent_mail_has_its_moment'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'waiting'), _negated=True), ('next_at__isnull', False), _connector='OR'), name='waiting_mail_has_its_time'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'sending'), _negated=True), ('lease_until__isnull', False), _connector='OR'), name='mail_is_sent_under_a_lease')],
            },
        ),
        migrations.CreateModel(
            name='Ticket',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('export', 'Export'), ('erase', 'Erase')], max_length=10)),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('awaiting_decision', 'Waiting for DPO'), ('sent_back', 'Sent back'), ('approved', 'Approved'), ('running', 'Running on Stream'), ('needs_attention', 'Needs attention'), ('completed', 'Completed'), ('refused', 'Refused'), ('cancelled', 'Cancelled')], default='draft', max_length=20)),
                ('revision', models.PositiveIntegerField(default=1)),
                ('received_on', models.DateField()),
                ('due_on', models.DateField()),
                ('target_on', models.DateField()),
                ('refuse_by_on', models.DateField(blank=True, null=True)),
                ('refused_late', models.BooleanField(default=False)),
                ('channel', models.CharField(choices=[('email', 'E-mail'), ('form', 'Help-centre form'), ('in_app', 'In the app'), ('letter', 'Letter'), ('phone', 'Phone'), ('other', 'Other')], max_length=20)),
                ('requester_name', models.CharField(blank=True, max_length=200)),
                ('requester_email', models.EmailField(blank=True, max_length=254)),
                ('ground', models.CharField(blank=True, choices=[('17_1_a', 'Art. 17(1)(a): no longer necessary'), ('17_1_b', 'Art. 17(1)(b): consent withdrawn'), ('17_1_c', 'Art. 17(1)(c): objection'), ('17_1_d', 'Art. 17(1)(d): unlawful processing'), ('17_1_e', 'Art. 17(1)(e): legal duty to erase'), ('17_1_f', 'Art. 17(1)(f): data of a child')], max_length=10)),
                ('plan', models.JSONField()),
                ('plan_digest', models.CharField(max_length=64)),
                ('send_if_absent', models.BooleanField(default=False)),
                ('opened_at', models.DateTimeField()),
                ('edited_at', models.DateTimeField(blank=True, null=True)),
                ('submitted_at', models.DateTimeField(blank=True, null=True)),
                ('first_approved_at', models.DateTimeField(blank=True, null=True)),
                ('approved_at', models.DateTimeField(blank=True, null=True)),
                ('approved_digest', models.CharField(blank=True, max_length=64, null=True)),
                ('approved_preview_digest', models.CharField(blank=True, max_length=64)),
                ('not_before', models.DateTimeField(blank=True, null=True)),
                ('begun_at', models.DateTimeField(blank=True, null=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('answered_on', models.DateField(blank=True, null=True)),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
                ('outcome', models.CharField(blank=True, choices=[('erased', 'Erased'), ('erased_in_part', 'Erased in part'), ('emptied', 'Emptied'), ('hidden', 'Hidden, not erased'), ('nothing_found', 'Nothing found'), ('partial', 'Partly done'), ('not_verified', 'Not verified'), ('exported', 'Exported'), ('restored', 'Restored'), ('refused_by_stream', 'Refused by Stream'), ('failed', 'Failed')], max_length=20)),
                ('attention', models.CharField(blank=True, max_length=500)),
                ('details_erased_at', models.DateTimeField(blank=True, null=True)),
                ('ids_erased_at', models.DateTimeField(blank=True, null=True)),
                ('answered_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='answered_tickets', to=settings.AUTH_USER_MODEL)),
                ('approved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='approved_tickets', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['state', 'due_on', 'id'], name='ticket_state_due'), models.Index(fields=['due_on', 'id'], name='ticket_due'), models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['due_on', 'id'], name='ticket_open_due'), models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['state', 'due_on', 'id'], name='ticket_open_state_due'), models.Index(condition=models.Q(('answered_at__isnull', True), ('closed_at__isnull', False)), fields=['due_on', 'id'], name='ticket_to_be_closed'), models.Index(condition=models.Q(('closed_at__isnull', False), ('ids_erased_at__isnull', True)), fields=['closed_at', 'id'], name='ticket_to_erase'), models.Index(condition=models.Q(('approved_at__isnull', False), ('closed_at__isnull', True)), fields=['approved_at', 'id'], name='ticket_moving'), models.Index(fields=['kind', 'due_on', 'id'], name='ticket_kind_due'), models.Index(django.db.models.functions.text.Upper('requester_email'), name='ticket_requester_email'), models.Index(django.db.models.functions.text.Upper('requester_name'), name='ticket_requester_name')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'awaiting_decision', 'sent_back', 'approved', 'running', 'needs_attention', 'completed', 'refused', 'cancelled'])), name='ticket_state_known'), models.CheckConstraint(condition=models.Q(('kind__in', ['export', 'erase'])), name='ticket_kind_known'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['approved', 'running']), _negated=True), models.Q(('approved_by__isnull', False), ('approved_digest', models.F('plan_digest'))), _connector='OR'), name='running_is_what_was_approved'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', False), ('state__in', ['cancelled', 'completed', 'refused'])), models.Q(('closed_at__isnull', True), ('state__in', ['approved', 'awaiting_decision', 'draft', 'needs_attention', 'running', 'sent_back'])), _connector='OR'), name='closed_has_its_moment'), models.CheckConstraint(condition=models.Q(('answered_at__isnull', True), ('closed_at__isnull', False), _connector='OR'), name='answered_once_it_is_closed'), models.CheckConstraint(condition=models.Q(models.Q(('answered_at__isnull', True), ('answered_by__isnull', True)), models.Q(('answered_at__isnull', False), ('answered_by__isnull', False)), _connector='OR'), name='answered_by_and_at'), models.CheckConstraint(condition=models.Q(models.Q(('approved_at__isnull', True), ('approved_by__isnull', True), ('approved_digest__isnull', True)), models.Q(('approved_at__isnull', False), ('approved_by__isnull', False), ('approved_digest__isnull', False)), _connector='OR'), name='approved_by_at_and_digest')],
            },
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('seq', models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('action', models.CharField(choices=[('ticket.open', 'Opened the ticket'), ('ticket.edit', 'Edited the ticket'), ('ticket.submit', 'Sent the ticket to the DPO'), ('ticket.approve', 'Approved the ticket'), ('ticket.approve_first', 'Approved as the first of two'), ('ticket.send_back', 'Sent the ticket back'), ('ticket.refuse', 'Refused the request'), ('ticket.cancel', 'Cancelled the ticket'), ('ticket.begin', 'Started on Stream'), ('ticket.stop', 'Stopped: a person must look'), ('ticket.retry', 'Retried'), ('ticket.give_up', 'Gave up'), ('ticket.complete', 'Completed the ticket'), ('ticket.restore', 'Asked Stream to restore the user'), ('preview.make', 'Looked at what Stream shows'), ('ticket.assign', 'Assigned the ticket'), ('identity.check', 'Checked the identity'), ('clock.extend', 'Extended the time'), ('clock.ask', 'Asked the person, so the clock stands'), ('clock.answer', "Got the person's answer, so the clock goes on"), ('clock.count', 'Counted the dates anew'), ('note.add', 'Added a note'), ('attachment.add', 'Added a file'), ('attachment.remove', 'Removed a file'), ('call.intend', 'About to call Stream'), ('call.answer', 'Stream answered'), ('call.reconcile', 'Checked on Stream what an unanswered call did'), ('stream_task.finish', 'Stream finished its task'), ('read_back', 'Read back what Stream still shows'), ('sending.pause', 'Paused sending'), ('sending.lift', 'Let sending go on'), ('hold.place', 'Placed a legal hold'), ('hold.lift', 'Lifted a legal hold'), ('import.upload', 'Uploaded a file with requests'), ('import.confirm', 'Confirmed the requests of a file'), ('import.finish', 'Took the requests of a file'), ('import.discard', 'Threw a file with requests away'), ('database.restored', 'Noticed that the database was restored'), ('ticket.answer', 'Closed the case'), ('letter.write', 'Wrote a letter to the person'), ('letter.queue', 'Let a letter be sent by mail'), ('letter.by_hand', 'Noted that a letter was sent by hand'), ('letter_template.save', 'Saved a text for letters'), ('recipient.save', 'Saved the recipients of an app'), ('recipient.answer', 'Noted what became of telling a recipient'), ('mail.send', 'Sent a mail'), ('mail.fail', 'Could not send a mail'), ('mail.lose', 'Lost the trace of a mail'), ('mail.again', 'Asked to send a mail again'), ('ticket.read', 'Read the ticket'), ('ticket.unmask', 'Had the personal data of the ticket shown'), ('ticket.mask', 'Had it hidden again'), ('ticket.search', 'Searched the tickets'), ('list.export', 'Downloaded the list of tickets'), ('package.download', 'Downloaded the export'), ('attachment.download', 'Downloaded a file'), ('audit.read', 'Searched the audit log'), ('audit.check', 'Checked the audit chain'), ('audit.signing_keys', 'Listed the keys that sign the audit log'), ('audit.export', 'Exported the audit log'), ('audit.prove', "Took a proof of the ticket's entries"), ('attempt.refuse', 'Tried something not permitted'), ('session.sign_in', 'Signed in'), ('session.sign_out', 'Signed out'), ('session.sign_in_failed', 'Failed to sign in'), ('ticket.erase', 'Erased personal data of the ticket'), ('leftovers.erase', 'Erased what was past its time'), ('audit_key.destroy', 'Destroyed a yearly key of the audit log'), ('app.save', 'Saved a Stream app'), ('cover_sheet.save', 'Saved the cover sheet of a Stream app'), ('app.test', 'Tested the connection to Stream'), ('profile.save', 'Saved their own choices'), ('staff.save', 'Saved a staff member'), ('settings.change', 'Noticed that the settings were changed')], max_length=40)),
                ('actor_id', models.PositiveBigIntegerField(null=True)),
                ('actor_role', models.CharField(max_length=20)),
                ('actor_name', models.CharField(max_length=150)),
                ('origin', models.CharField(blank=True, max_length=64)),
                ('ticket_id', models.PositiveBigIntegerField(null=True)),
                ('subjects', models.JSONField(default=list)),
                ('facts', models.JSONField(default=dict)),
                ('texts', models.JSONField(default=dict)),
                ('prev_hash', models.CharField(max_length=64, unique=True)),
                ('hash', models.CharField(max_length=64, unique=True)),
            ],
            options={
                'verbose_name_plural': 'audit entries',
                'indexes': [models.Index(fields=['ticket_id', 'seq'], name='audit_ticket'), models.Index(fields=['at', 'seq'], name='audit_at'), models.Index(fields=['action', 'at', 'seq'], name='audit_action_at'), models.Index(condition=models.Q(('actor_id__isnull', False)), fields=['actor_id', 'at', 'seq'], name='audit_person'), models.Index(condition=models.Q(('actor_id__isnull', False)), fields=['actor_id', 'action', 'at', 'seq'], name='audit_person_action'), models.Index(condition=models.Q(('actor_id__isnull', True)), fields=['actor_role', 'at', 'seq'], name='audit_nobody'), models.Index(condition=models.Q(('actor_id__isnull', True)), fields=['actor_role', 'action', 'at', 'seq'], name='audit_nobody_action')],
            },
        ),
        migrations.CreateModel(
            name='AuditNode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('level', models.PositiveSmallIntegerField()),
                ('place', models.PositiveBigIntegerField()),
                ('hash', models.CharField(max_length=64)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('level', 'place'), name='audit_node_once')],
            },
        ),
        migrations.CreateModel(
            name='AuditText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.PositiveBigIntegerField()),
                ('name', models.CharField(max_length=40)),
                ('salt', models.CharField(blank=True, max_length=32)),
                ('sealed', models.TextField()),
                ('ticket_id', models.PositiveBigIntegerField(db_index=True, null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('seq', 'name'), name='audit_text_once')],
            },
        ),
        migrations.CreateModel(
            name='LetterTemplate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('receipt', 'Receipt of the request'), ('more_information', 'More information is needed'), ('extension', 'The deadline is extended'), ('refusal', 'Refusal'), ('partial', 'Refusal in part'), ('done', 'Done'), ('restored', 'Restored')], max_length=20)),
                ('language', models.CharField(choices=[('en', 'English'), ('de', 'Deutsch')], max_length=2)),
                ('version', models.PositiveIntegerField()),
                ('subject', models.CharField(max_length=200)),
                ('body', models.TextField()),
                ('written_at', models.DateTimeField()),
                ('written_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='letter_templates', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['kind', 'language', '-version'],
                'constraints': [models.UniqueConstraint(fields=('kind', 'language', 'version'), name='letter_template_version_once')],
            },
        ),
        migrations.CreateModel(
            name='MailAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('begun_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('error', models.CharField(blank=True, choices=[('unreachable', 'The mail server could not be reached.'), ('silent', 'The mail server did not answer in time.'), ('broke_off', 'The mail server broke the connection off before it took the mail.'), ('sign_in', "The mail server did not accept the portal's user name and password."), ('later', 'The mail server asked to try again later.'), ('refused', 'The mail server refused the mail for good.'), ('unfit', 'The address or the subject cannot be sent as a mail.'), ('held_up', 'The worker was held up for so long that it did not begin.'), ('lost', 'The trace was lost while the mail server was taking the mail.')], max_length=20)),
                ('code', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('mail', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='requests_app.mail')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Profile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.BooleanField(default=True)),
                ('mentions', models.BooleanField(default=True)),
                ('single_keys', models.BooleanField(default=True)),
                ('person', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='profile', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40)),
                ('query', models.CharField(max_length=300)),
                ('is_shared', models.BooleanField(default=False)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_views', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['name', 'id'],
                'constraints': [models.UniqueConstraint(fields=('owner', 'name'), name='saved_view_name_once')],
            },
        ),
        migrations.CreateModel(
            name='StreamApp',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, unique=True)),
                ('from_environment', models.BooleanField(default=False)),
                ('base_url', models.URLField(blank=True)),
                ('api_key', models.CharField(blank=True, max_length=120)),
                ('api_secret', requests_app.models.sealed.SealedTextField(blank=True)),
                ('is_sandbox', models.BooleanField(default=False)),
                ('is_active', models.BooleanField(default=True)),
                ('cooling_off_hours', models.PositiveSmallIntegerField(default=0, validators=[django.core.validators.MaxValueValidator(72)])),
                ('second_approver', models.BooleanField(default=False)),
                ('identity_required', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('from_environment', True)), fields=('from_environment',), name='one_stream_app_from_environment'), models.CheckConstraint(condition=models.Q(('cooling_off_hours__lte', 72)), name='cooling_off_is_short_enough'), models.CheckConstraint(condition=models.Q(('from_environment', False), models.Q(('api_key', ''), ('api_secret', ''), ('base_url', '')), _connector='OR'), name='environment_app_stores_no_credentials')],
            },
        ),
        migrations.CreateModel(
            name='Recipient',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('is_active', models.BooleanField(default=True)),
                ('stream_app', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='recipients', to='requests_app.streamapp')),
            ],
            options={
                'ordering': ['name', 'id'],
                'constraints': [models.UniqueConstraint(fields=('stream_app', 'name'), name='recipient_once_per_app')],
            },
        ),
        migrations.CreateModel(
            name='Pause',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.TextField()),
                ('paused_at', models.DateTimeField()),
                ('lifted_at', models.DateTimeField(blank=True, null=True)),
                ('lift_reason', models.TextField(blank=True)),
                ('lifted_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='lifted_pauses', to=settings.AUTH_USER_MODEL)),
                ('paused_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pauses', to=settings.AUTH_USER_MODEL)),
                ('stream_app', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pauses', to='requests_app.streamapp')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('lifted_at__isnull', True), ('stream_app__isnull', False)), fields=('stream_app',), name='one_open_pause_per_app'), models.UniqueConstraint(django.db.models.functions.comparison.Coalesce('stream_app', 0), condition=models.Q(('lifted_at__isnull', True), ('stream_app__isnull', True)), name='one_open_pause_for_all'), models.CheckConstraint(condition=models.Q(models.Q(('lifted_at__isnull', True), ('lifted_by__isnull', True)), models.Q(('lifted_at__isnull', False), ('lifted_by__isnull', False)), _connector='OR'), name='lifted_by_and_at')],
            },
        ),
        migrations.CreateModel(
            name='LegalHold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user_id', models.CharField(max_length=255)),
                ('reason', models.TextField()),
                ('placed_at', models.DateTimeField()),
                ('lifted_at', models.DateTimeField(blank=True, null=True)),
                ('lift_reason', models.TextField(blank=True)),
                ('lifted_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='lifted_holds', to=settings.AUTH_USER_MODEL)),
                ('placed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='placed_holds', to=settings.AUTH_USER_MODEL)),
                ('stream_app', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='legal_holds', to='requests_app.streamapp')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('lifted_at__isnull', True)), fields=('stream_app', 'user_id'), name='one_open_hold_per_account'), models.CheckConstraint(condition=models.Q(models.Q(('lifted_at__isnull', True), ('lifted_by__isnull', True)), models.Q(('lifted_at__isnull', False), ('lifted_by__isnull', False)), _connector='OR'), name='hold_lifted_by_and_at')],
            },
        ),
        migrations.CreateModel(
            name='CoverSheet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField()),
                ('purposes', models.TextField()),
                ('categories', models.TextField()),
                ('recipients', models.TextField()),
                ('storage', models.TextField()),
                ('rights', models.TextField()),
                ('complaint', models.TextField()),
                ('source', models.TextField()),
                ('automated', models.TextField()),
                ('transfers', models.TextField()),
                ('saved_at', models.DateTimeField()),
                ('saved_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cover_sheets', to=settings.AUTH_USER_MODEL)),
                ('stream_app', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cover_sheets', to='requests_app.streamapp')),
            ],
            options={
                'ordering': ['stream_app', '-version'],
                'constraints': [models.UniqueConstraint(fields=('stream_app', 'version'), name='cover_sheet_version_once'), models.CheckConstraint(condition=models.Q(('version__gte', 1)), name='cover_sheet_counts_from_one')],
            },
        ),
        migrations.CreateModel(
            name='Budget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('endpoint', models.CharField(max_length=60)),
                ('limit', models.PositiveIntegerField(blank=True, null=True)),
                ('remaining', models.IntegerField(blank=True, null=True)),
                ('reset_at', models.DateTimeField(blank=True, null=True)),
                ('blocked_until', models.DateTimeField(blank=True, null=True)),
                ('stream_app', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='budgets', to='requests_app.streamapp')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('stream_app', 'endpoint'), name='one_budget_per_endpoint')],
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('operation', models.CharField(choices=[('export_feeds_data', 'Export feeds data'), ('export_users', 'Export user data'), ('delete_feeds_data', 'Delete feeds data'), ('delete_users', 'Delete user'), ('restore_users', 'Restore user')], max_length=30)),
                ('body_digest', models.CharField(max_length=64)),
                ('account_count', models.PositiveSmallIntegerField()),
                ('intended_at', models.DateTimeField()),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
                ('outcome', models.CharField(choices=[('open', 'Sent, no answer yet'), ('accepted', 'Accepted'), ('not_sent', 'Not sent'), ('refused', 'Refused by Stream'), ('unknown', 'Outcome unknown')], default='open', max_length=10)),
                ('status_code', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('detail', models.CharField(blank=True, max_length=300)),
                ('stream_app', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attempts', to='requests_app.streamapp')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('answered_at__isnull', True), ('outcome', 'open')), models.Q(models.Q(('outcome', 'open'), _negated=True), ('answered_at__isnull', False)), _connector='OR'), name='answered_attempt_has_its_moment')],
            },
        ),
        migrations.CreateModel(
            name='AppHealth',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('failures', models.PositiveIntegerField(default=0)),
                ('open_until', models.DateTimeField(blank=True, null=True)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('changed_at', models.DateTimeField()),
                ('limits_read_at', models.DateTimeField(blank=True, null=True)),
                ('stream_app', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='health', to='requests_app.streamapp')),
            ],
            options={
                'verbose_name_plural': 'app health',
            },
        ),
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField()),
                ('user_id', models.CharField(max_length=255)),
                ('subject', models.CharField(blank=True, max_length=40)),
                ('kind', models.CharField(choices=[('export', 'Export'), ('erase', 'Erase')], max_length=10)),
                ('is_open', models.BooleanField(default=True)),
                ('remote_created_at', models.DateTimeField(blank=True, null=True)),
                ('absent_when_approved', models.BooleanField(default=False)),
                ('outcome', models.CharField(blank=True, choices=[('erased', 'Erased'), ('erased_in_part', 'Erased in part'), ('emptied', 'Emptied'), ('hidden', 'Hidden, not erased'), ('nothing_found', 'Nothing found'), ('partial', 'Partly done'), ('not_verified', 'Not verified'), ('exported', 'Exported'), ('restored', 'Restored'), ('refused_by_stream', 'Refused by Stream'), ('failed', 'Failed')], max_length=20)),
                ('stream_app', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='requests_app.streamapp')),
            ],
            options={
                'ordering': ['ticket', 'position'],
                'indexes': [models.Index(fields=['user_id'], name='account_user_id'), models.Index(fields=['user_id'], name='account_user_id_begins', opclasses=['varchar_pattern_ops']), models.Index(fields=['subject'], name='account_subject')],
            },
        ),
        migrations.CreateModel(
            name='StreamTask',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('task_id', models.CharField(max_length=100)),
                ('operation', models.CharField(choices=[('export_feeds_data', 'Export feeds data'), ('export_users', 'Export user data'), ('delete_feeds_data', 'Delete feeds data'), ('delete_users', 'Delete user'), ('restore_users', 'Restore user')], max_length=30)),
                ('status', models.CharField(default='pending', max_length=40)),
                ('accepted_at', models.DateTimeField()),
                ('polls', models.PositiveIntegerField(default=0)),
                ('polled_at', models.DateTimeField(blank=True, null=True)),
                ('next_poll_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('error', models.CharField(blank=True, max_length=500)),
                ('lease_token', models.PositiveBigIntegerField(default=0)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('stream_app', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='stream_tasks', to='requests_app.streamapp')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('next_poll_at__isnull', False)), fields=['next_poll_at'], name='stream_task_due'), models.Index(fields=['task_id'], name='stream_task_id')],
                'constraints': [models.UniqueConstraint(fields=('stream_app', 'task_id'), name='stream_task_once')],
            },
        ),
        migrations.CreateModel(
            name='TicketKey',
            fields=[
                ('ticket', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='key', serialize=False, to='requests_app.ticket')),
                ('key', requests_app.models.sealed.SealedTextField(blank=True)),
                ('destroyed_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('destroyed_at__isnull', False), ('key', '')), models.Q(models.Q(('key', ''), _negated=True), ('destroyed_at__isnull', True)), _connector='OR'), name='a_key_or_when_it_was_destroyed')],
            },
        ),
        migrations.AddField(
            model_name='ticket',
            name='cover_sheet',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='tickets', to='requests_app.coversheet'),
        ),
        migrations.AddField(
            model_name='ticket',
            name='edited_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='edited_tickets', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='ticket',
            name='first_approved_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='first_approved_tickets', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='ticket',
            name='opened_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='opened_tickets', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='ticket',
            name='owner',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='owned_tickets', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='ticket',
            name='stream_app',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tickets', to='requests_app.streamapp'),
        ),
        migrations.AddField(
            model_name='ticket',
            name='submitted_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='submitted_tickets', to=settings.AUTH_USER_MODEL),
        ),
        migrations.CreateModel(
            name='Step',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rank', models.PositiveSmallIntegerField()),
                ('position', models.PositiveSmallIntegerField()),
                ('operation', models.CharField(choices=[('export_feeds_data', 'Export feeds data'), ('export_users', 'Export user data'), ('delete_feeds_data', 'Delete feeds data'), ('delete_users', 'Delete user'), ('restore_users', 'Restore user')], max_length=30)),
                ('user_ids', models.JSONField()),
                ('fields', models.JSONField(default=dict)),
                ('group_key', models.CharField(max_length=64)),
                ('state', models.CharField(choices=[('planned', 'Planned'), ('sending', 'Sending'), ('unknown', 'Checking what happened'), ('on_stream', 'Running on Stream'), ('done', 'Done'), ('failed', 'Failed'), ('dropped', 'Not sent')], default='planned', max_length=20)),
                ('next_at', models.DateTimeField(blank=True, null=True)),
                ('lease_token', models.PositiveBigIntegerField(default=0)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('attempt_count', models.PositiveSmallIntegerField(default=0)),
                ('setbacks', models.PositiveSmallIntegerField(default=0)),
                ('batch_cap', models.PositiveSmallIntegerField(default=100)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('delivered_at', models.DateTimeField(blank=True, null=True)),
                ('outcome', models.CharField(blank=True, choices=[('erased', 'Erased'), ('erased_in_part', 'Erased in part'), ('emptied', 'Emptied'), ('hidden', 'Hidden, not erased'), ('nothing_found', 'Nothing found'), ('partial', 'Partly done'), ('not_verified', 'Not verified'), ('exported', 'Exported'), ('restored', 'Restored'), ('refused_by_stream', 'Refused by Stream'), ('failed', 'Failed')], max_length=20)),
                ('detail', models.CharField(blank=True, max_length=500)),
                ('evidence', models.JSONField(default=dict)),
                ('read_back_at', models.DateTimeField(blank=True, null=True)),
                ('look_again_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='requests_app.account')),
                ('attempts', models.ManyToManyField(blank=True, related_name='steps', to='requests_app.attempt')),
                ('stream_task', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='requests_app.streamtask')),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='requests_app.ticket')),
            ],
            options={
                'ordering': ['ticket', 'rank', 'position'],
                'indexes': [models.Index(condition=models.Q(('next_at__isnull', False)), fields=['state', 'next_at'], name='step_due'), models.Index(condition=models.Q(('look_again_at__isnull', False)), fields=['look_again_at'], name='step_look_again')],
                'constraints': [models.UniqueConstraint(fields=('ticket', 'rank', 'position'), name='step_place_once'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'on_stream'), _negated=True), ('stream_task__isnull', False), _connector='OR'), name='running_step_has_its_stream_task'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'sending'), _negated=True), ('next_at__isnull', False), _connector='OR'), name='sending_step_keeps_its_time'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['done', 'dropped', 'failed']), _negated=True), ('finished_at__isnull', False), _connector='OR'), name='finished_step_has_its_moment')],
            },
        ),
        migrations.CreateModel(
            name='Reminder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('due_on', models.DateField()),
                ('days_late', models.PositiveSmallIntegerField()),
                ('queued_at', models.DateTimeField()),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reminders', to='requests_app.ticket')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('ticket', 'due_on', 'days_late', 'person'), name='reminded_once')],
            },
        ),
        migrations.CreateModel(
            name='Preview',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('plan_digest', models.CharField(max_length=64)),
                ('made_at', models.DateTimeField()),
                ('answered', models.BooleanField()),
                ('content', models.JSONField()),
                ('digest', models.CharField(max_length=64)),
                ('names', requests_app.models.sealed.SealedTextField(blank=True)),
                ('made_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='previews', to='requests_app.ticket')),
            ],
            options={
                'ordering': ['id'],
                'indexes': [models.Index(fields=['ticket', 'digest'], name='preview_digest')],
            },
        ),
        migrations.CreateModel(
            name='Presence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seen_at', models.DateTimeField(db_index=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='presences', to='requests_app.ticket')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('ticket', 'person'), name='present_once')],
            },
        ),
        migrations.CreateModel(
            name='Note',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('written_at', models.DateTimeField()),
                ('text', requests_app.models.sealed.SealedTextField()),
                ('written_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notes', to=settings.AUTH_USER_MODEL)),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notes', to='requests_app.ticket')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Mention',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seen_at', models.DateTimeField(blank=True, null=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='mentions', to=settings.AUTH_USER_MODEL)),
                ('note', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='mentions', to='requests_app.note')),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='mentions', to='requests_app.ticket')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('seen_at__isnull', True)), fields=['person', 'ticket'], name='mention_unseen')],
                'constraints': [models.UniqueConstraint(fields=('note', 'person'), name='mention_once')],
            },
        ),
        migrations.AddField(
            model_name='mail',
            name='ticket',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='mails', to='requests_app.ticket'),
        ),
        migrations.CreateModel(
            name='Letter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('receipt', 'Receipt of the request'), ('more_information', 'More information is needed'), ('extension', 'The deadline is extended'), ('refusal', 'Refusal'), ('partial', 'Refusal in part'), ('done', 'Done'), ('restored', 'Restored')], max_length=20)),
                ('language', models.CharField(choices=[('en', 'English'), ('de', 'Deutsch')], max_length=2)),
                ('subject', requests_app.models.sealed.SealedTextField()),
                ('body', requests_app.models.sealed.SealedTextField()),
                ('written_at', models.DateTimeField()),
                ('sent_on', models.DateField(blank=True, null=True)),
                ('channel', models.CharField(blank=True, choices=[('email', 'E-mail'), ('form', 'Help-centre form'), ('in_app', 'In the app'), ('letter', 'Letter'), ('phone', 'Phone'), ('other', 'Other')], max_length=20, null=True)),
                ('noted_at', models.DateTimeField(blank=True, null=True)),
                ('noted_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='noted_letters', to=settings.AUTH_USER_MODEL)),
                ('written_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='letters', to=settings.AUTH_USER_MODEL)),
                ('template', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='letters', to='requests_app.lettertemplate')),
                ('mail', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='letter', to='requests_app.mail')),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='letters', to='requests_app.ticket')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('channel__isnull', True), ('noted_at__isnull', True), ('noted_by__isnull', True), ('sent_on__isnull', True)), models.Q(('channel__isnull', False), ('noted_at__isnull', False), ('noted_by__isnull', False), ('sent_on__isnull', False)), _connector='OR'), name='letter_sent_on_how_and_by_whom')],
            },
        ),
        migrations.CreateModel(
            name='Informing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('informed_on', models.DateField(blank=True, null=True)),
                ('words', requests_app.models.sealed.SealedTextField(blank=True)),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
                ('answered_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='answered_informings', to=settings.AUTH_USER_MODEL)),
                ('recipient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='informings', to='requests_app.recipient')),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='informings', to='requests_app.ticket')),
            ],
            options={
                'ordering': ['recipient__name', 'id'],
                'constraints': [models.UniqueConstraint(fields=('ticket', 'recipient'), name='recipient_once_per_ticket'), models.CheckConstraint(condition=models.Q(models.Q(('answered_at__isnull', True), ('answered_by__isnull', True)), models.Q(('answered_at__isnull', False), ('answered_by__isnull', False)), _connector='OR'), name='informing_answered_by_and_at'), models.CheckConstraint(condition=models.Q(('informed_on__isnull', True), ('answered_at__isnull', False), _connector='OR'), name='informed_is_answered'), models.CheckConstraint(condition=models.Q(models.Q(('answered_at__isnull', True), ('words', '')), ('answered_at__isnull', False), _connector='OR'), name='informing_has_words_once_answered')],
            },
        ),
        migrations.CreateModel(
            name='IdentityCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('method', models.CharField(choices=[('session', 'Signed in to the app'), ('email_loop', 'Answered from the known address'), ('document', 'Document seen'), ('call_back', 'Called back'), ('known_contact', 'Known contact'), ('other', 'Otherwise')], max_length=20)),
                ('result', models.CharField(choices=[('confirmed', 'confirmed'), ('more', 'more was asked'), ('not_confirmed', 'not confirmed')], max_length=20)),
                ('doubt', requests_app.models.sealed.SealedTextField(blank=True)),
                ('about', models.CharField(default='', max_length=64)),
                ('checked_at', models.DateTimeField()),
                ('checked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='identity_checks', to=settings.AUTH_USER_MODEL)),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='identity_checks', to='requests_app.ticket')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('result', 'confirmed'), models.Q(('doubt', ''), _negated=True), _connector='OR'), name='identity_doubt_in_words')],
            },
        ),
        migrations.CreateModel(
            name='FormDraft',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('session', models.CharField(max_length=32, unique=True)),
                ('revision', models.PositiveIntegerField(blank=True, null=True)),
                ('content', requests_app.models.sealed.SealedTextField(blank=True)),
                ('is_unfinished', models.BooleanField(default=True)),
                ('saved_at', models.DateTimeField()),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='form_drafts', to=settings.AUTH_USER_MODEL)),
                ('ticket', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='form_drafts', to='requests_app.ticket')),
            ],
            options={
                'ordering': ['-saved_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Extension',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ground', models.CharField(choices=[('complexity', 'Complexity of the request'), ('number', 'Number of requests')], max_length=20)),
                ('reason', requests_app.models.sealed.SealedTextField()),
                ('granted_at', models.DateTimeField()),
                ('notice_on', models.DateField()),
                ('notice_channel', models.CharField(choices=[('email', 'E-mail'), ('form', 'Help-centre form'), ('in_app', 'In the app'), ('letter', 'Letter'), ('phone', 'Phone'), ('other', 'Other')], max_length=20)),
                ('due_before_on', models.DateField()),
                ('granted_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='granted_extensions', to=settings.AUTH_USER_MODEL)),
                ('ticket', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='extension', to='requests_app.ticket')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('notice_on__lte', models.F('due_before_on'))), name='extension_told_in_time')],
            },
        ),
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('verb', models.CharField(choices=[('approve', 'Approve'), ('send_back', 'Send back to agent'), ('refuse', 'Refuse')], max_length=20)),
                ('decided_at', models.DateTimeField()),
                ('plan_digest', models.CharField(max_length=64)),
                ('preview_digest', models.CharField(blank=True, max_length=64)),
                ('without_preview', models.BooleanField(default=False)),
                ('ground', models.CharField(blank=True, choices=[('17_1_a', 'Art. 17(1)(a): no longer necessary'), ('17_1_b', 'Art. 17(1)(b): consent withdrawn'), ('17_1_c', 'Art. 17(1)(c): objection'), ('17_1_d', 'Art. 17(1)(d): unlawful processing'), ('17_1_e', 'Art. 17(1)(e): legal duty to erase'), ('17_1_f', 'Art. 17(1)(f): data of a child')], max_length=10)),
                ('refusal', models.CharField(blank=True, choices=[('12_5_unfounded', 'Art. 12(5): manifestly unfounded'), ('12_5_excessive', 'Art. 12(5): excessive'), ('11_2', 'Art. 11(2): the person cannot be identified'), ('17_3_a', 'Art. 17(3)(a): freedom of expression and information'), ('17_3_b', 'Art. 17(3)(b): legal obligation or public task'), ('17_3_c', 'Art. 17(3)(c): public health'), ('17_3_d', 'Art. 17(3)(d): archiving, research or statistics'), ('17_3_e', 'Art. 17(3)(e): legal claims'), ('15_4', 'Art. 15(4): rights of others, copy'), ('20_4', 'Art. 20(4): rights of others, portability')], max_length=20)),
                ('evidence', requests_app.models.sealed.SealedTextField(blank=True)),
                ('note', models.TextField(blank=True)),
                ('decided_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to=settings.AUTH_USER_MODEL)),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='decisions', to='requests_app.ticket')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('verb__in', ['approve', 'send_back', 'refuse'])), name='decision_verb_known')],
            },
        ),
        migrations.CreateModel(
            name='Contribution',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('actor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='contributions', to='requests_app.ticket')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('ticket', 'actor'), name='contribution_once')],
            },
        ),
        migrations.CreateModel(
            name='ClockPause',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('identity', 'Who they are (Art. 12(6))'), ('clarification', 'What they mean')], max_length=20)),
                ('question', requests_app.models.sealed.SealedTextField()),
                ('asked_on', models.DateField()),
                ('answered_on', models.DateField(blank=True, null=True)),
                ('answered_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='answered_pauses', to=settings.AUTH_USER_MODEL)),
                ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='asked_pauses', to=settings.AUTH_USER_MODEL)),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='clock_pauses', to='requests_app.ticket')),
            ],
            options={
                'ordering': ['asked_on', 'id'],
                'indexes': [models.Index(condition=models.Q(('answered_on__isnull', True)), fields=['ticket'], name='clock_pause_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('answered_on__isnull', True), ('answered_on__gte', models.F('asked_on')), _connector='OR'), name='clock_pause_answered_after_asked'), models.CheckConstraint(condition=models.Q(models.Q(('answered_by__isnull', True), ('answered_on__isnull', True)), models.Q(('answered_by__isnull', False), ('answered_on__isnull', False)), _connector='OR'), name='clock_pause_answered_by_and_on'), models.UniqueConstraint(condition=models.Q(('answered_on__isnull', True)), fields=('ticket', 'kind'), name='one_open_clock_pause_of_a_kind')],
            },
        ),
        migrations.CreateModel(
            name='Attachment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('casework', 'Casework'), ('evidence', 'Evidence of identity'), ('proof', 'Proof of what was done')], max_length=20)),
                ('name', requests_app.models.sealed.SealedTextField(blank=True)),
                ('size', models.PositiveIntegerField()),
                ('media_type', models.CharField(max_length=100)),
                ('sha256', models.CharField(max_length=64)),
                ('stored_name', models.CharField(max_length=64, unique=True)),
                ('key', requests_app.models.sealed.SealedTextField(blank=True)),
                ('added_at', models.DateTimeField()),
                ('removed_at', models.DateTimeField(blank=True, null=True)),
                ('removed_why', requests_app.models.sealed.SealedTextField(blank=True)),
                ('added_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='added_attachments', to=settings.AUTH_USER_MODEL)),
                ('removed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='removed_attachments', to=settings.AUTH_USER_MODEL)),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attachments', to='requests_app.ticket')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('purpose__in', ['casework', 'evidence', 'proof'])), name='attachment_purpose_known'), models.CheckConstraint(condition=models.Q(('removed_at__isnull', True), ('key', ''), _connector='OR'), name='removed_attachment_has_no_key'), models.CheckConstraint(condition=models.Q(('removed_at__isnull', False), models.Q(('key', ''), _negated=True), _connector='OR'), name='kept_attachment_has_its_key')],
            },
        ),
        migrations.AddField(
            model_name='account',
            name='ticket',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='accounts', to='requests_app.ticket'),
        ),
        migrations.CreateModel(
            name='Upload',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token', models.CharField(default=requests_app.models.upload.new_token, max_length=32, unique=True)),
                ('uploaded_at', models.DateTimeField()),
                ('content', requests_app.models.sealed.SealedTextField(blank=True)),
                ('digest', models.CharField(db_index=True, max_length=64)),
                ('row_count', models.PositiveIntegerField()),
                ('confirmed_at', models.DateTimeField(blank=True, null=True)),
                ('position', models.PositiveIntegerField(default=0)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('discarded_at', models.DateTimeField(blank=True, null=True)),
                ('confirmed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='confirmed_uploads', to=settings.AUTH_USER_MODEL)),
                ('stream_app', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='uploads', to='requests_app.streamapp')),
                ('uploaded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='uploads', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('confirmed_at__isnull', True), ('confirmed_by__isnull', True)), models.Q(('confirmed_at__isnull', False), ('confirmed_by__isnull', False)), _connector='OR'), name='upload_confirmed_by_and_at')],
            },
        ),
        migrations.CreateModel(
            name='UploadedRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('line', models.PositiveIntegerField()),
                ('problem', requests_app.models.sealed.SealedTextField(blank=True)),
                ('ticket', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='requests_app.ticket')),
                ('upload', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='requests_app.upload')),
            ],
            options={
                'ordering': ['upload', 'line'],
                'constraints': [models.UniqueConstraint(fields=('upload', 'line'), name='uploaded_row_once')],
            },
        ),
        migrations.CreateModel(
            name='Verdict',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('part', models.CharField(max_length=30)),
                ('code', models.CharField(choices=[('12_5_unfounded', 'Art. 12(5): manifestly unfounded'), ('12_5_excessive', 'Art. 12(5): excessive'), ('11_2', 'Art. 11(2): the person cannot be identified'), ('17_3_a', 'Art. 17(3)(a): freedom of expression and information'), ('17_3_b', 'Art. 17(3)(b): legal obligation or public task'), ('17_3_c', 'Art. 17(3)(c): public health'), ('17_3_d', 'Art. 17(3)(d): archiving, research or statistics'), ('17_3_e', 'Art. 17(3)(e): legal claims'), ('15_4', 'Art. 15(4): rights of others, copy'), ('20_4', 'Art. 20(4): rights of others, portability')], max_length=20)),
                ('words', requests_app.models.sealed.SealedTextField(blank=True)),
                ('evidence', requests_app.models.sealed.SealedTextField(blank=True)),
                ('stands', models.BooleanField(default=True)),
                ('decision', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='verdicts', to='requests_app.decision')),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='verdicts', to='requests_app.ticket')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('stands', True)), fields=('ticket', 'part'), name='one_standing_verdict_per_part')],
            },
        ),
        migrations.CreateModel(
            name='KindResult',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('user', 'the user'), ('messages', 'messages'), ('conversations', 'conversations'), ('calls', 'calls'), ('feeds_data', 'feeds data'), ('files', 'files'), ('export_feeds_data', 'feeds data'), ('export_user_data', 'user data')], max_length=20)),
                ('asked', models.CharField(choices=[('not_asked', 'Not asked'), ('soft', 'Soft'), ('pruning', 'Pruning'), ('hard', 'Hard'), ('copy', 'Copy'), ('restore', 'Soft, then restore')], max_length=20)),
                ('answer', models.CharField(choices=[('not_asked', 'Not asked'), ('not_sent', 'Nothing was sent'), ('nobody', 'Shows nobody by this id'), ('refused', 'Refused'), ('failed', 'Task failed'), ('unanswered', 'No answer, or none that is final'), ('ended', 'Task ended well')], max_length=20)),
                ('seen', models.CharField(choices=[('gone', 'Not shown any more'), ('nothing', 'Nothing was shown before'), ('still_there', 'Still there'), ('hidden', 'Hidden'), ('not_counted', 'Not counted'), ('unreadable', 'Could not be read'), ('not_looked_for', 'Not looked for'), ('file', 'A file to download'), ('shown', 'Shown again')], max_length=20)),
                ('at_least', models.PositiveIntegerField(blank=True, null=True)),
                ('reached', models.CharField(choices=[('removed', 'Removed'), ('emptied', 'Emptied'), ('hidden', 'Hidden'), ('kept', 'Kept as planned'), ('nothing_there', 'Nothing there'), ('not_reached', 'Not reached'), ('not_verified', 'Not verified'), ('exported', 'Exported'), ('restored', 'Restored')], max_length=20)),
                ('closed_at', models.DateTimeField()),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='results', to='requests_app.account')),
            ],
            options={
                'ordering': ['account', 'id'],
                'constraints': [models.UniqueConstraint(fields=('account', 'kind'), name='one_result_for_each_kind')],
            },
        ),
        migrations.AddIndex(
            model_name='ticket',
            index=models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['owner', 'due_on', 'id'], name='ticket_owner_due'),
        ),
        migrations.AddIndex(
            model_name='ticket',
            index=models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['received_on', 'due_on', 'stream_app', 'state'], name='ticket_open_age'),
        ),
        migrations.AddIndex(
            model_name='ticket',
            index=models.Index(condition=models.Q(('answered_on__isnull', False)), fields=['answered_on', 'stream_app', 'state', 'kind', 'ground', 'outcome', 'received_on', 'due_on'], name='ticket_answered'),
        ),
        migrations.AddIndex(
            model_name='ticket',
            index=models.Index(fields=['stream_app', 'due_on', 'id'], name='ticket_app_due'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by', models.F('opened_by')), _negated=True), name='approver_did_not_open'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(('edited_by__isnull', True), models.Q(('approved_by', models.F('edited_by')), _negated=True), _connector='OR'), name='approver_did_not_edit'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(('first_approved_by__isnull', True), models.Q(('approved_by', models.F('first_approved_by')), _negated=True), _connector='OR'), name='two_approvers_are_two'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('first_approved_at__isnull', True), ('first_approved_by__isnull', True)), models.Q(('first_approved_at__isnull', False), ('first_approved_by__isnull', False)), _connector='OR'), name='first_approved_by_and_at'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('edited_at__isnull', True), ('edited_by__isnull', True)), models.Q(('edited_at__isnull', False), ('edited_by__isnull', False)), _connector='OR'), name='edited_by_and_at'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('submitted_at__isnull', True), ('submitted_by__isnull', True)), models.Q(('submitted_at__isnull', False), ('submitted_by__isnull', False)), _connector='OR'), name='submitted_by_and_at'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.UniqueConstraint(condition=models.Q(('is_open', True)), fields=('stream_app', 'kind', 'user_id'), name='one_open_ticket_per_account_and_kind'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.UniqueConstraint(fields=('ticket', 'user_id'), name='account_once_per_ticket'),
        ),
        migrations.RunPython(index_subjects, drop_index),
        migrations.RunPython(install, remove),
    ]
