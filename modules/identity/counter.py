"""Officers who give an account to somebody: each sees for themselves whom it is about, and none
decides over an account of their own."""

from collections.abc import Mapping

from core.context.app import App
from core.context.call import Call
from core.database import Transaction
from core.errors import Conflict, Forbidden
from core.refusal_texts import NOT_ALLOWED
from core.texts import Locale
from core.typed_text import read_name
from modules.identity import recovery_store, recovery_texts, store
from modules.identity.models import NAME, PHONE, RESIDENT_ID, Recovery
from modules.identity.real_name import checked_number
from modules.identity.service import checked_phone
from notifications import api as notifications
from notifications.api import Template


def seen_at_counter(app: App, name: str, number: str, phone: str) -> Mapping[str, str]:
    """What was entered, as a key is bound to it: no part of it may differ when it is sent again."""
    entered = {NAME: name, RESIDENT_ID: number, PHONE: phone}
    return {what: app.vault.blind_index(text, what).hex() for what, text in entered.items()}


async def refuse_party(call: Call, number: str, phone: str) -> None:
    """Raise Forbidden for an officer whose own the number or the phone is."""
    vault = call.app.vault
    own = await store.find_citizen(call.require_viewer().user_id)
    if own is not None and (
        own.resident_index == vault.blind_index(number, RESIDENT_ID)
        or own.phone_index == vault.blind_index(phone, PHONE)
    ):
        raise Forbidden(NOT_ALLOWED)


async def refuse_party_of(call: Call, row: Recovery) -> None:
    """Raise Forbidden for an officer on either side of a recovery, and for who proposed it."""
    vault, viewer = call.app.vault, call.require_viewer()
    if viewer.user_id in (row.proposed_by, row.disputed_id):
        raise Forbidden(NOT_ALLOWED)
    number = vault.decrypt(bytes(row.resident_sealed), RESIDENT_ID)
    await refuse_party(call, number, vault.decrypt(bytes(row.phone_sealed), PHONE))


def refuse_mismatch(call: Call, row: Recovery, name: str, document_no: str, phone: str) -> None:
    """Hold what an officer reads off the card before them against what was entered first.

    Raises InvalidInput for what can be none, and Conflict where any of the three differs.
    """
    vault, seen = call.app.vault, (*checked_number(call, name, document_no), checked_phone(phone))
    entered = (
        read_name(vault.decrypt(bytes(row.name_sealed), NAME)),
        vault.decrypt(bytes(row.resident_sealed), RESIDENT_ID),
        vault.decrypt(bytes(row.phone_sealed), PHONE),
    )
    if seen != entered:
        raise Conflict(recovery_texts.RECOVERY_MISMATCH)


async def tell_phone(
    app: App, tx: Transaction, sealed: bytes | None, template: Template, days: int, key: str
) -> None:
    """Tell a phone, whether it has an account or not, of what happens to one; no phone, nothing."""
    if sealed is not None:
        to = await phone_of(app, tx, sealed)
        params = {"app": app.city.app_name, "days": days}
        given = {name: params[name] for name in template.params}
        await notifications.send(app, tx, template, to, given, key)


async def phone_of(app: App, tx: Transaction, sealed: bytes) -> notifications.Phone:
    """A phone, spoken to in the language of who has an account with it."""
    number = app.vault.decrypt(bytes(sealed), PHONE)
    locale = await recovery_store.find_locale(tx, app.vault.blind_index(number, PHONE))
    return notifications.Phone(number, locale or Locale.ZH)
