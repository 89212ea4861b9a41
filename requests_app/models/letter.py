"""Letters to the person, and the texts that they are written from. A changed text is a new version; old ones stay."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from requests_app.enums import Channel, Language, LetterKind, MailState
from requests_app.models.mail import Mail
from requests_app.models.sealed import SealedTextField
from requests_app.models.ticket import Ticket, pair, staff


class LetterTemplate(models.Model):
    """One version of the text for one kind of letter in one language. Without an author it came with the portal."""

    kind = models.CharField(max_length=20, choices=LetterKind.choices())
    language = models.CharField(max_length=2, choices=Language.choices())
    version = models.PositiveIntegerField()
    subject = models.CharField(max_length=200)
    body = models.TextField()
    written_by = staff("letter_templates")
    written_at = models.DateTimeField()

    class Meta:
        ordering = ["kind", "language", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "language", "version"], name="letter_template_version_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}.{self.language} v{self.version}"


class LetterQuerySet(models.QuerySet["Letter"]):
    def sent(self) -> LetterQuerySet:
        """Letters that went out, by mail or by hand."""
        return self.filter(Q(sent_on__isnull=False) | Q(mail__state=MailState.SENT.value))


class Letter(models.Model):
    """One letter, as it was written; it is not changed any more. How it went out: by its mail, or by hand."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="letters")
    kind = models.CharField(max_length=20, choices=LetterKind.choices())
    template = models.ForeignKey(LetterTemplate, on_delete=models.PROTECT, null=True, related_name="letters")
    language = models.CharField(max_length=2, choices=Language.choices())
    subject = SealedTextField()
    body = SealedTextField()
    written_by = staff("letters", null=False)
    written_at = models.DateTimeField()
    mail = models.OneToOneField(Mail, on_delete=models.SET_NULL, null=True, blank=True, related_name="letter")
    # By hand: on which day, by which way, and who noted it.
    sent_on = models.DateField(null=True, blank=True)
    channel = models.CharField(max_length=20, choices=Channel.choices(), null=True, blank=True)
    noted_by = staff("noted_letters")
    noted_at = models.DateTimeField(null=True, blank=True)

    objects = LetterQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [pair("letter_sent_on_how_and_by_whom", "sent_on", "channel", "noted_by", "noted_at")]

    @property
    def is_sent(self) -> bool:
        """Whether it went out for all that is known."""
        return self.sent_on is not None or (self.mail is not None and self.mail.state == MailState.SENT)

    @property
    def is_on_its_way(self) -> bool:
        """Whether its mail still waits, or is being sent."""
        return self.mail is not None and self.mail.state in {MailState.WAITING, MailState.SENDING}

    @property
    def standing(self) -> str:
        """Where it stands, in words."""
        if self.sent_on is not None:
            return "Sent by hand"
        return MailState(self.mail.state).label if self.mail is not None else "Written, not sent yet"
