"""What services answered when the probe asked them."""

from tortoise import fields
from tortoise.models import Model


class ServiceCheck(Model):
    """What became of a service when it was asked last: the longest of its queries, and the code of
    what it failed with."""

    service_id = fields.CharField(max_length=64, primary_key=True)
    checked_at = fields.DatetimeField()
    latency_ms = fields.IntField()
    fault = fields.CharField(max_length=64, null=True)

    class Meta:
        table = "bff_service_check"
