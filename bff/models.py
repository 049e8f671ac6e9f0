"""The edge's own tables: changed documents, and which documents the apps use."""

from tortoise import fields
from tortoise.models import Model


class DocumentOverride(Model):
    """A trusted document that runs with another text than it shipped with, or runs no more."""

    document_id = fields.CharField(max_length=128, primary_key=True)
    source = fields.TextField(null=True)
    reason = fields.CharField(max_length=200)
    changed_at = fields.DatetimeField()

    class Meta:
        table = "bff_document_override"


class DocumentUse(Model):
    """How often one version of the app ran one document on one day (UTC)."""

    id = fields.BigIntField(primary_key=True)
    used_on = fields.DateField()
    document_id = fields.CharField(max_length=128)
    app = fields.CharField(max_length=64)
    count = fields.BigIntField()

    class Meta:
        table = "bff_document_use"
        unique_together = (("used_on", "document_id", "app"),)
