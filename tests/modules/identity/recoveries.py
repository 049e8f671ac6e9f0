"""A second officer, who reads the same card and phone as the first did."""

from core.context.call import Call
from modules.identity import recovery
from modules.identity.models import NAME, PHONE, RESIDENT_ID, Recovery


async def approve(officer: Call, row: Recovery) -> Recovery:
    """Approve a recovery or decide a dispute by what was entered for it."""
    vault = officer.app.vault
    return await recovery.approve(
        officer,
        row.id,
        vault.decrypt(bytes(row.name_sealed), NAME),
        vault.decrypt(bytes(row.resident_sealed), RESIDENT_ID),
        vault.decrypt(bytes(row.phone_sealed), PHONE),
    )
