"""Files with many requests, from the upload until their last row was taken, and requests that are not finished yet.

What was uploaded is sealed, and taken away once the import is over or the time for it has passed (`upkeep/imports.py`).
"""

from __future__ import annotations

import secrets

from django.db import models

from requests_app.models.app import StreamApp
from requests_app.models.sealed import SealedTextField
from requests_app.models.ticket import Ticket, pair, staff


def new_token() -> str:
    """128 random bits in hex: what stands in the URL."""
    return secrets.token_hex(16)


class Upload(models.Model):
    """One file. Nothing is taken from it before somebody confirmed it; `position` says how far it was taken."""

    token = models.CharField(max_length=32, unique=True, default=new_token)
    stream_app = models.ForeignKey(StreamApp, on_delete=models.PROTECT, related_name="uploads")
    uploaded_by = staff("uploads", null=False)
    uploaded_at = models.DateTimeField()
    # The text of the file, until it is over.
    content = SealedTextField(blank=True)
    # A keyed digest of the text: tells that this very file was there before, and nothing else.
    digest = models.CharField(max_length=64, db_index=True)
    row_count = models.PositiveIntegerField()
    confirmed_by = staff("confirmed_uploads")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    # Rows that were looked at since, in the order of the file.
    position = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    # When it came out that whoever confirmed may not go on: it waits for a confirmation by somebody else.
    stopped_at = models.DateTimeField(null=True, blank=True)
    # When somebody, or the clock, took it away without a confirmation, or what was left of a stopped one.
    discarded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [pair("upload_confirmed_by_and_at", "confirmed_by", "confirmed_at")]

    def __str__(self) -> str:
        return f"upload {self.pk}"


class UploadedRow(models.Model):
    """What became of one row: a ticket, or the reason why there is none. A row is taken once: a constraint says so."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="rows")
    line = models.PositiveIntegerField()
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, null=True, related_name="+")
    # May hold what was typed into the row.
    problem = SealedTextField(blank=True)

    class Meta:
        ordering = ["upload", "line"]
        constraints = [models.UniqueConstraint(fields=["upload", "line"], name="uploaded_row_once")]

    def __str__(self) -> str:
        return f"line {self.line} of upload {self.upload_id}"

    @property
    def reference(self) -> str:
        """The reference of the row's ticket, without reading it; empty where there is none."""
        return Ticket(pk=self.ticket_id).reference if self.ticket_id else ""
