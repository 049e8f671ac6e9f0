"""The table of those who file reports through Open311."""

from tortoise import fields
from tortoise.models import Model


class Open311Client(Model):
    """An organisation with a key. Reports that it files are its cases, under its id."""

    id = fields.UUIDField(primary_key=True)
    name = fields.CharField(max_length=64)
    key_hash = fields.BinaryField()
    is_active = fields.BooleanField(default=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "community_open311_client"
