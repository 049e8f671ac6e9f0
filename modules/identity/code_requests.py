"""Who may have a one-time code sent: anybody to sign in, the viewer to prove again who is there."""

from dataclasses import replace

from core.context.call import Call
from core.database import connection
from modules.identity import codes, store
from modules.identity.codes import CodeSent, Wish
from modules.identity.service import (
    DEVICE,
    Device,
    checked_index,
    checked_phone,
    own_phone,
    refuse_staff_session,
)


async def to_sign_in(
    call: Call, phone: str, key: str, device: Device | None = None, wish: Wish = Wish()
) -> CodeSent:
    """Send a one-time code to a phone; whether it has an account is not told.

    The same key sends once. Another request within 60 s is refused. Raises InvalidInput and
    RateLimited.
    """
    phone = checked_phone(phone)
    if device is not None:
        index = checked_index(call, phone, device)
        device_hash = call.app.vault.blind_index(device.id, DEVICE)
        is_known = await store.is_known_device(connection(), index, device_hash)
        wish = replace(
            wish,
            known_device=device_hash if is_known else None,
            device=None if is_known else device_hash,
        )
    return await codes.request(call, phone, codes.SIGN_IN, "requestLoginCode", key, wish)


async def to_step_up(call: Call, key: str, wish: Wish = Wish()) -> CodeSent:
    """Send a one-time code to the viewer's own phone. The same key sends once.

    Raises RateLimited as for log-in codes, Forbidden in a session of staff, Conflict NO_PHONE.
    """
    await refuse_staff_session(call)
    phone = await own_phone(call)
    wish = replace(wish, known_device=call.require_viewer().session_id.bytes)
    return await codes.request(call, phone, codes.STEP_UP, "requestStepUpCode", key, wish)
