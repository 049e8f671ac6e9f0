"""Signing in from a mini-programme, linking one to an account, ending that.

A link is as good as the text message that it rests on, and no better: an account that was silent
for long asks on a new device who is there. A platform's word about a phone is weaker, for people
keep old numbers there: it makes an account where there is none, and opens none that there is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.context.commands import CREDENTIAL_REPLAY, claim_key
from core.database import (
    IntegrityError,
    Transaction,
    idempotency,
    rate_limit,
    transaction,
    violated,
)
from core.errors import Conflict, InvalidInput, NotFound, Unavailable
from core.ids import new_id
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.upstream.client import UpstreamError
from modules.identity import domain, link_store, store
from modules.identity import texts as identity_texts
from modules.identity.domain import Platform
from modules.identity.mini_programmes import messages, texts
from modules.identity.mini_programmes.port import (
    MINI_PROGRAMMES,
    Known,
    MiniProgramme,
    NotAccepted,
)
from modules.identity.models import PHONE, SUBJECT, MiniProgrammeLink
from modules.identity.service import (
    Device,
    SignedIn,
    checked_device,
    checked_phone,
    open_session_of,
    signed_in,
)

NAMES = {Platform.WECHAT: texts.WECHAT, Platform.ALIPAY: texts.ALIPAY}


async def login(
    call: Call, platform: Platform, code: str, phone_proof: str | None, device: Device, key: str
) -> SignedIn:
    """Exchange a platform's code for a session of whose account is linked, or of a new account of
    the phone that the platform proves, at level 1.

    The same key and input give the same session again for a minute, and the platform is not asked
    again, whose codes are good once. Raises InvalidInput: a platform that this city does without,
    PLATFORM_CODE_REFUSED, PLATFORM_PHONE_NEEDED for who is not linked and brings no phone,
    TEXT_CODE_NEEDED where the phone has an account; RateLimited, Unavailable.
    """
    checked_device(device)
    ours = _programme(call.app, platform)
    command = {"platform": platform, "code": code, "phone": phone_proof, "device": device.id}
    sent = _Sent("mini-programme", "loginWithMiniProgramme", key, command)
    known = await _known(call, ours, sent, code, phone_proof)
    async with transaction() as tx:
        claim = await claim_key(
            *(call, tx, sent.operation, key, command),
            subject=sent.subject,
            replay_for=CREDENTIAL_REPLAY,
        )
        if not claim.replayed:
            linked = await _account(call, tx, ours, _required(known))
            await open_session_of(
                *(call, tx, claim.effect_id, linked.citizen_id, device), link_id=linked.id
            )
    return await signed_in(call.app, claim.effect_id)


async def link(call: Call, platform: Platform, code: str, key: str) -> Sequence[MiniProgrammeLink]:
    """Let a platform's user sign in to the viewer's account; the owner is told. The same key and
    code link once. The links that there are now.

    Raises InvalidInput and Unavailable as `login` does, Conflict where either is linked already.
    """
    app, viewer = call.app, call.require_viewer()
    ours = _programme(app, platform)
    sent = _Sent(
        str(viewer.user_id), "linkMiniProgramme", key, {"platform": platform, "code": code}
    )
    known = await _known(call, ours, sent, code, None)
    try:
        async with transaction() as tx:
            claim = await claim_key(call, tx, sent.operation, key, sent.command)
            if not claim.replayed:
                found = _required(known)
                await link_store.lock_subject(tx, _index(app, ours, found))
                made = await _link(app, tx, ours, viewer.user_id, found)
                name = NAMES[platform]
                await messages.tell_linked(app, tx, viewer.user_id, made.id, name)
    except IntegrityError as error:
        if "identity_mini_programme_link" not in (violated(error) or ""):
            raise
        raise Conflict(texts.LINKED_ALREADY) from None
    return await link_store.list_links(viewer.user_id)


async def end_link(call: Call, platform: Platform, key: str) -> Sequence[MiniProgrammeLink]:
    """End the viewer's link with a platform, once per key; its sessions go on until they are ended.
    The links that are left. Raises NotFound where there is none, and Conflict."""
    viewer, command = call.require_viewer(), {"platform": platform}
    async with transaction() as tx:
        claim = await claim_key(call, tx, "endMiniProgrammeLink", key, command)
        if not claim.replayed and not await link_store.delete_links(tx, viewer.user_id, platform):
            raise NotFound(NOT_FOUND)
    return await link_store.list_links(viewer.user_id)


def _programme(app: App, platform: Platform) -> MiniProgramme:
    ours = {one.platform: one for one in app.extensions(MINI_PROGRAMMES)}[platform]
    if ours.app_id(app) is None:
        raise InvalidInput(texts.PLATFORM_OFF, "platform")
    return ours


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a client sent under a key."""

    subject: str
    operation: str
    key: str
    command: Mapping[str, str | None]

    async def had_effect(self) -> bool:
        """Whether it was sent before, and done."""
        effect_id = await idempotency.recall(
            subject=self.subject, operation=self.operation, key=self.key, command=self.command
        )
        return effect_id is not None


async def _known(
    call: Call, ours: MiniProgramme, sent: _Sent, code: str, phone_proof: str | None
) -> Known | None:
    """Whom the platform knows by a code; None where the key has had its effect.

    Of two sends at once with one key the platform accepts one: the other finds its effect, or asks
    for a new code where that has not come to pass yet.
    """
    if await sent.had_effect():
        return None
    await rate_limit.require(
        call.app.clock,
        f"platform-from:{call.address}",
        limit=domain.ADDRESS_CODES_PER_HOUR,
        window=timedelta(hours=1),
        refusal=identity_texts.TOO_MANY_CODES,
    )
    try:
        return await ours.ask(call.app, call.deadline, code, phone_proof)
    except NotAccepted:
        if await sent.had_effect():
            return None
        raise InvalidInput(texts.PLATFORM_CODE_REFUSED, "code") from None
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=NAMES[ours.platform]) from None


def _required(known: Known | None) -> Known:
    """Who was asked about. Its key had an effect a moment ago and has none now where None: it has
    ended, and so has its code."""
    if known is None:
        raise InvalidInput(texts.PLATFORM_CODE_REFUSED, "code")
    return known


async def _account(
    call: Call, tx: Transaction, ours: MiniProgramme, known: Known
) -> MiniProgrammeLink:
    """The account of a platform's user, linked before or made now."""
    app, index = call.app, _index(call.app, ours, known)
    await link_store.lock_subject(tx, index)
    await link_store.lock_account_of(tx, index)
    found = await link_store.lock_link(tx, index)
    if found is not None:
        found.last_used_at = app.clock.now()
        await found.save(using_db=tx, update_fields=["last_used_at"])
        return found
    if known.phone is None:
        raise InvalidInput(texts.PLATFORM_PHONE_NEEDED, "phoneProof")
    phone = checked_phone(known.phone)
    phone_index = app.vault.blind_index(phone, PHONE)
    await store.lock_phone(tx, phone_index)
    if await store.lock_by_phone(tx, phone_index) is not None:
        raise InvalidInput(texts.TEXT_CODE_NEEDED, "phoneProof")
    citizen_id = await store.ensure_citizen(
        tx,
        citizen_id=new_id(),
        phone_index=phone_index,
        phone_sealed=app.vault.encrypt(phone, PHONE),
        now=app.clock.now(),
    )
    return await _link(app, tx, ours, citizen_id, known)


async def _link(
    app: App, tx: Transaction, ours: MiniProgramme, citizen_id: UUID, known: Known
) -> MiniProgrammeLink:
    now, union = app.clock.now(), known.union
    return await MiniProgrammeLink.create(
        using_db=tx,
        id=new_id(),
        citizen_id=citizen_id,
        platform=ours.platform,
        subject_index=_index(app, ours, known),
        subject_sealed=app.vault.encrypt(known.subject, SUBJECT),
        union_sealed=app.vault.encrypt(union, SUBJECT) if union else None,
        linked_at=now,
        last_used_at=now,
    )


def _index(app: App, ours: MiniProgramme, known: Known) -> bytes:
    return index_of(app, ours.platform, ours.app_id(app), known.subject)


def index_of(app: App, platform: Platform, app_id: str | None, subject: str) -> bytes:
    """A platform's user in our app there: another app of ours would be told other names."""
    return app.vault.blind_index(f"{platform}:{app_id}:{subject}", SUBJECT)
