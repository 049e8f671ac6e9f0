"""An account moves to another phone number: by who has the account and the new phone in hand."""

from core.context.call import Call
from core.context.commands import claim_key
from core.database import IntegrityError, Transaction, idempotency, transaction, violated
from core.errors import AppError, Conflict
from core.people.directory import get_person
from core.typed_text import read_code
from modules.identity import codes, store, texts
from modules.identity.codes import CHANGE_PHONE, CodeSent, Wish
from modules.identity.messages import PHONE_CHANGED
from modules.identity.models import PHONE
from modules.identity.real_name import count_by_number, take_over
from modules.identity.service import checked_phone, lock_account
from notifications import api as notifications


async def request_code(call: Call, phone: str, key: str, wish: Wish = Wish()) -> CodeSent:
    """Send a one-time code to the new phone. The same key sends once.

    Raises InvalidInput, and RateLimited as for log-in codes.
    """
    call.require_viewer()
    phone = checked_phone(phone)
    return await codes.request(call, phone, CHANGE_PHONE, "requestPhoneCode", key, wish)


async def change_phone(call: Call, phone: str, code: str, key: str) -> None:
    """Give the viewer's account another phone; the old one is told. The same key does it once.

    An account without a real name that the new phone has is merged into this one, with everything
    in it. Raises Conflict PHONE_IN_USE for one with a real name, and what a wrong code raises.
    """
    app, viewer = call.app, call.require_viewer()
    phone, code = checked_phone(phone), read_code(code)
    before = await get_person(app, viewer.user_id)
    index = app.vault.blind_index(phone, CHANGE_PHONE.id)
    refusal: AppError | None = None
    try:
        async with transaction() as tx:
            await store.lock_phone(tx, index)
            claim = await claim_key(call, tx, "changePhone", key, {"phone": index.hex()})
            if not claim.replayed:
                refusal = await codes.use(call, tx, index, code)
                if refusal is None:
                    await _change(call, tx, phone)
                    await tell_old_phone(call, tx, before.phone, phone)
                else:
                    await idempotency.release(tx, str(viewer.user_id), "changePhone", key)
    except IntegrityError as error:
        if violated(error) != "identity_citizen_phone":
            raise
        raise Conflict(texts.PHONE_IN_USE) from None
    if refusal is not None:
        raise refusal


async def _change(call: Call, tx: Transaction, phone: str) -> None:
    app, index = call.app, call.app.vault.blind_index(phone, PHONE)
    citizen = await lock_account(tx, call.require_viewer().user_id)
    other = await store.lock_by_phone(tx, index)
    if other is not None and other.id != citizen.id:
        if other.resident_index is not None:
            raise Conflict(texts.PHONE_IN_USE)
        await take_over(app, tx, other, citizen)
    citizen.phone_index, citizen.phone_sealed = index, app.vault.encrypt(phone, PHONE)
    await citizen.save(using_db=tx, update_fields=["phone_index", "phone_sealed"])
    await count_by_number(app, tx, citizen)


async def tell_old_phone(call: Call, tx: Transaction, old: str, new: str) -> None:
    """Tell the phone that an account had that it has another one now."""
    if old and old != new:
        params = {"app": call.app.city.app_name, "phone_end": new[-4:]}
        to = notifications.Phone(old, call.locale)
        key = f"phone-changed:{call.request_id}"
        await notifications.send(call.app, tx, PHONE_CHANGED, to, params, key)
