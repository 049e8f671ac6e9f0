"""Passkeys: adding one, signing in and stepping up with it.

A challenge is a signed text of ours that says what it is for and for whom, good once and for five
minutes, so none is stored. The authenticator must have looked at its owner: possession and a
finger, a face or a PIN together.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt

from core.context.app import App
from core.context.call import Call
from core.context.commands import CREDENTIAL_REPLAY, claim_key
from core.database import IntegrityError, Transaction, idempotency, transaction, violated
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.people.directory import get_person
from core.refusal_texts import NOT_FOUND
from core.security.vault import mask_phone
from core.standards import passkeys
from core.standards.passkeys import Credential, InvalidPasskey, Party
from modules.identity import alarm, domain, store, texts
from modules.identity.models import Passkey
from modules.identity.service import (
    Device,
    SignedIn,
    checked_device,
    lock_account,
    open_session_of,
    refuse_staff_session,
    signed_in,
)

CHALLENGE_LIFE = timedelta(minutes=5)
PASSKEYS_MAX = 10
_AUDIENCE = "quancheng-passkey"
_ADD, _SIGN_IN, _STEP_UP = "add", "sign-in", "step-up"
_NOBODY = "nobody"


async def registration_options(call: Call) -> Mapping[str, Any]:
    """What `navigator.credentials.create` is asked for, for the viewer."""
    app, viewer = call.app, call.require_viewer()
    person = await get_person(app, viewer.user_id)
    known = await store.list_passkeys(viewer.user_id)
    return passkeys.creation_options(
        _party(app),
        title=app.city.app_name.zh,
        user_id=viewer.user_id.bytes,
        user_name=mask_phone(person.phone),
        challenge=_challenge(app, _ADD, str(viewer.session_id)),
        known=[row.credential_id for row in known],
        timeout=CHALLENGE_LIFE,
    )


async def request_options(call: Call) -> Mapping[str, Any]:
    """What `navigator.credentials.get` is asked for: by a stranger to sign in, by the viewer to
    step up."""
    viewer = call.admitting_unproved().require_viewer() if call.viewer else None
    known = await store.list_passkeys(viewer.user_id) if viewer else []
    use, whose = (_STEP_UP, str(viewer.session_id)) if viewer else (_SIGN_IN, _NOBODY)
    return passkeys.request_options(
        _party(call.app),
        challenge=_challenge(call.app, use, whose),
        known=[row.credential_id for row in known],
        timeout=CHALLENGE_LIFE,
    )


async def add(call: Call, credential: Credential, name: str, key: str) -> Passkey:
    """Keep a passkey that the viewer's authenticator has made; the owner is told.

    The same key and credential add one. Raises InvalidInput PASSKEY_REFUSED, Conflict for one that
    is known and for more than ten.
    """
    app, viewer = call.app, call.require_viewer()
    try:
        async with transaction() as tx:
            command = {"credential": dict(credential), "name": name}
            claim = await claim_key(call, tx, "addPasskey", key, command)
            if claim.replayed:
                return await Passkey.get(id=claim.effect_id, using_db=tx)
            await lock_account(tx, viewer.user_id)
            if len(await store.list_passkeys(viewer.user_id)) >= PASSKEYS_MAX:
                raise Conflict(texts.TOO_MANY_PASSKEYS, limit=PASSKEYS_MAX)
            row = await _register(call, tx, claim.effect_id, credential, name)
            await alarm.tell_new_passkey(app, tx, viewer.user_id, row.id, row.name)
            return row
    except IntegrityError as error:
        if "credential_id" not in (violated(error) or ""):
            raise
        raise Conflict(texts.PASSKEY_KNOWN) from None


async def _register(
    call: Call, tx: Transaction, passkey_id: UUID, credential: Credential, name: str
) -> Passkey:
    app, viewer = call.app, call.require_viewer()
    try:
        challenge = await _use_challenge(app, tx, credential, _ADD, str(viewer.session_id))
        made = passkeys.verify_registration(_party(app), credential, challenge)
    except InvalidPasskey:
        raise InvalidInput(texts.PASSKEY_REFUSED, "credential") from None
    return await Passkey.create(
        using_db=tx,
        id=passkey_id,
        citizen_id=viewer.user_id,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        name=domain.clean_device_name(name),
        created_at=app.clock.now(),
    )


async def login(call: Call, credential: Credential, device: Device, key: str) -> SignedIn:
    """Exchange a passkey's answer for a session of whoever it belongs to.

    It proves its owner however long the account was silent. The same key and credential give the
    same session again for a minute. Raises InvalidInput PASSKEY_REFUSED, whatever is wrong.
    """
    checked_device(device)
    command = {"credential": dict(credential), "device": device.id}
    async with transaction() as tx:
        claim = await claim_key(
            *(call, tx, "loginWithPasskey", key, command),
            subject="passkey",
            replay_for=CREDENTIAL_REPLAY,
        )
        if not claim.replayed:
            row = await _assert(call, tx, credential, _SIGN_IN, _NOBODY)
            await open_session_of(call, tx, claim.effect_id, row.citizen_id, device, proved=True)
    return await signed_in(call.app, claim.effect_id)


async def step_up(call: Call, credential: Credential, key: str) -> str:
    """Prove again who is there by a passkey; returns an access token with a fresh time.

    The same key and credential give a token again for a minute. Raises InvalidInput
    PASSKEY_REFUSED, Forbidden in a session of staff, which has its authenticator.
    """
    call = call.admitting_unproved()
    app, viewer = call.app, call.require_viewer()
    await refuse_staff_session(call)
    session_id = viewer.session_id
    async with transaction() as tx:
        claim = await claim_key(
            *(call, tx, "stepUpWithPasskey", key, {"credential": dict(credential)}),
            subject=session_id,
            effect_id=session_id,
            replay_for=CREDENTIAL_REPLAY,
        )
        if not claim.replayed:
            row = await _assert(call, tx, credential, _STEP_UP, str(session_id))
            if row.citizen_id != viewer.user_id:
                raise InvalidInput(texts.PASSKEY_REFUSED, "credential")
            await store.note_authentication(tx, session_id, app.clock.now())
            await store.note_proof(tx, session_id)
    return (await signed_in(app, session_id)).access_token


async def remove(call: Call, passkey_id: UUID, key: str) -> None:
    """Forget one of the viewer's passkeys, once per key. Raises NotFound for one that is not
    theirs, and Conflict."""
    viewer, command = call.require_viewer(), {"passkey": str(passkey_id)}
    async with transaction() as tx:
        claim = await claim_key(call, tx, "removePasskey", key, command, effect_id=passkey_id)
        if not claim.replayed and not await store.delete_passkey(tx, viewer.user_id, passkey_id):
            raise NotFound(NOT_FOUND)


async def _assert(
    call: Call, tx: Transaction, credential: Credential, use: str, whose: str
) -> Passkey:
    """The passkey that gave this answer; the challenge is spent. Raises InvalidInput."""
    app = call.app
    try:
        challenge = await _use_challenge(app, tx, credential, use, whose)
        row = await store.lock_passkey(tx, passkeys.id_of(credential))
        if row is None:
            raise InvalidPasskey("nobody has this passkey")
        row.sign_count = passkeys.verify_assertion(
            *(_party(app), credential, challenge),
            public_key=row.public_key,
            sign_count=row.sign_count,
        )
    except InvalidPasskey:
        raise InvalidInput(texts.PASSKEY_REFUSED, "credential") from None
    row.last_used_at = app.clock.now()
    await row.save(using_db=tx, update_fields=["sign_count", "last_used_at"])
    return row


async def _use_challenge(
    app: App, tx: Transaction, credential: Credential, use: str, whose: str
) -> bytes:
    """The challenge of an answer: ours, for this use, and used for the first time.

    Raises InvalidPasskey.
    """
    challenge = passkeys.challenge_of(credential)
    try:
        claims = app.tokens.read(
            challenge.decode(), audience=_AUDIENCE, claims=("use", "sub", "jti")
        )
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError):
        raise InvalidPasskey("the challenge is not ours, or too old") from None
    if (claims["use"], claims["sub"]) != (use, whose):
        raise InvalidPasskey("the challenge is for something else")
    if not await idempotency.use_once(app.clock, tx, _AUDIENCE, claims["jti"]):
        raise InvalidPasskey("the challenge was used before")
    return challenge


def _challenge(app: App, use: str, whose: str) -> bytes:
    claims = {"use": use, "sub": whose, "jti": new_id().hex}
    return app.tokens.sign(claims, audience=_AUDIENCE, life=CHALLENGE_LIFE).encode()


def _party(app: App) -> Party:
    return passkeys.party_of(app.settings.base_url)
