"""Binding a session to a key in its phone, and proving with it again who is there.

The key stays in the phone's secure hardware, which asks for a finger, a face or a PIN before it
signs. From then on the session's refresh tokens are worth nothing without it, and money and health
no longer hang on the text message that opened the session.
"""

from uuid import UUID

from core.context.call import Call
from core.context.commands import CREDENTIAL_REPLAY, claim_key
from core.database import transaction
from core.errors import Conflict, InvalidInput, LoginRequired
from core.refusal_texts import SESSION_EXPIRED
from modules.identity import alarm, device_proof, store, texts
from modules.identity.service import refuse_staff_session, signed_in


async def bind(call: Call, proof: str, key: str) -> UUID:
    """Bind the viewer's session to the key that made a proof; the owner is told. The session's id.

    The same key and proof bind once. Raises InvalidInput DEVICE_PROOF_REFUSED, Conflict for a
    session that is bound already, Forbidden in a session of staff.
    """
    app, viewer = call.app, call.require_viewer()
    await refuse_staff_session(call)
    async with transaction() as tx:
        claim = await claim_key(call, tx, "bindDeviceKey", key, {"proof": proof})
        if claim.replayed:
            return viewer.session_id
        session = await store.lock_session(tx, viewer.session_id)
        if session is None:  # ended meanwhile
            raise LoginRequired(SESSION_EXPIRED)
        if session.device_key is not None:
            raise Conflict(texts.DEVICE_BOUND)
        session.device_key = await device_proof.key_of(app, tx, proof)
        if session.device_key is None:
            raise InvalidInput(texts.DEVICE_PROOF_REFUSED, "proof")
        await session.save(using_db=tx, update_fields=["device_key"])
        await alarm.tell_device_bound(app, tx, session)
    return viewer.session_id


async def step_up(call: Call, proof: str, key: str) -> str:
    """Prove again who is there by the session's key; an access token with a fresh time.

    The same key and proof give a token again for a minute. Raises InvalidInput
    DEVICE_PROOF_REFUSED, whatever is wrong, Forbidden in a session of staff.
    """
    app, session_id = call.app, call.require_viewer().session_id
    await refuse_staff_session(call)
    async with transaction() as tx:
        claim = await claim_key(
            *(call, tx, "stepUpWithDevice", key, {"proof": proof}),
            subject=session_id,
            effect_id=session_id,
            replay_for=CREDENTIAL_REPLAY,
        )
        if not claim.replayed:
            session = await store.lock_session(tx, session_id)
            thumbprint = await device_proof.key_of(app, tx, proof)
            if session is None or thumbprint is None or session.device_key != thumbprint:
                raise InvalidInput(texts.DEVICE_PROOF_REFUSED, "proof")
            await store.note_authentication(tx, session_id, app.clock.now())
    return (await signed_in(app, session_id)).access_token
