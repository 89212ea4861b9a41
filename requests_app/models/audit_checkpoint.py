"""Signed checkpoints of the audit log, inner nodes of its Merkle tree, and the witnesses outside the database."""

from __future__ import annotations

from django.db import models


class AuditCheckpoint(models.Model):
    """How the log stood at one size, signed. Written by `audit/checkpoints.py` alone; triggers refuse any change.

    `frontier` holds the hashes of the complete subtrees, so that the next checkpoint reads only what is new.
    """

    size = models.PositiveBigIntegerField(primary_key=True)
    root = models.CharField(max_length=64)
    head = models.CharField(max_length=64)
    note = models.TextField()
    frontier: models.JSONField[list[str]] = models.JSONField()
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.size} entries"


class AuditNode(models.Model):
    """The hash of a complete subtree, kept so that a proof need not read the whole log. It can be computed again."""

    level = models.PositiveSmallIntegerField()
    place = models.PositiveBigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["level", "place"], name="audit_node_once")]


class AuditWitness(models.Model):
    """A place outside the database that checkpoints are given to: up to which size it has them, and what went wrong.

    The row `checkpoint` stands for the making of checkpoints itself.
    """

    name = models.CharField(max_length=20, primary_key=True)
    size = models.PositiveBigIntegerField(default=0)
    reached_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    next_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "audit witnesses"

    def __str__(self) -> str:
        return self.name
