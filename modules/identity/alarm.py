"""What the owner of an account is told of its security, in the inbox that every device shows."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from core.context.app import App
from core.database import Transaction, transaction
from core.people.directory import find_person
from core.queue.jobs import job
from core.texts import Named
from modules.identity import domain, texts
from modules.identity.domain import Ending
from modules.identity.messages import (
    CHILD_CLAIMED,
    DEVICE_BOUND,
    NEW_DEVICE,
    NEW_PASSKEY,
    REUSED_TOKEN,
    SIGNED_OUT,
)
from modules.identity.models import Session
from notifications import api as notifications

_NAMES_MOST = 5
SIGNED_OUT_BY: Mapping[Ending, Named] = {
    Ending.OTHER_DEVICE: texts.OUT_BY_OTHER_DEVICE,
    Ending.MADE_ROOM: texts.OUT_FOR_ROOM,
    Ending.OWNER_BACK: texts.OUT_OWNER_BACK,
    Ending.SUSPENDED: texts.OUT_SUSPENDED,
    Ending.MISTAKEN_DEATH: texts.OUT_BY_MISTAKE,
}
"""What the owner is told of sessions that somebody else than their own device ended. Of REUSED and
PLATFORM_ENDED messages of their own tell more; with a closed account nobody is left to be told."""


async def tell_new_device(
    app: App, tx: Transaction, citizen_id: UUID, session_id: UUID, device_name: str
) -> None:
    """Tell of a log-in on a device that the account was never used on."""
    name = domain.clean_device_name(device_name) or "-"
    await tell.enqueue(app, tx, citizen_id, NEW_DEVICE.id, name, str(session_id))


async def tell_new_passkey(
    app: App, tx: Transaction, citizen_id: UUID, passkey_id: UUID, name: str
) -> None:
    """Tell that a passkey opens the account from now on."""
    await tell.enqueue(app, tx, citizen_id, NEW_PASSKEY.id, name or "-", str(passkey_id))


async def tell_device_bound(app: App, tx: Transaction, session: Session) -> None:
    """Tell that a device confirms with a key of its own from now on."""
    name = session.device_name or "-"
    await tell.enqueue(app, tx, session.citizen_id, DEVICE_BOUND.id, name, str(session.id))


async def tell_stolen(app: App, tx: Transaction, session: Session) -> None:
    """Tell that a session ended because a token that was spent long ago came again."""
    name = session.device_name or "-"
    await tell.enqueue(app, tx, session.citizen_id, REUSED_TOKEN.id, name, str(session.id))


async def tell_signed_out(app: App, tx: Transaction, ended: Sequence[Session], why: Ending) -> None:
    """Tell the owner of sessions that have just ended why they did, all in one message. It stands
    in the account's inbox: a device that was signed out does not see it."""
    if ended and why in SIGNED_OUT_BY:
        names = dict.fromkeys(session.device_name for session in ended if session.device_name)
        shown = "、".join(list(names)[:_NAMES_MOST]) or "-"
        first = min(str(session.id) for session in ended)
        await tell_out.enqueue(app, tx, ended[0].citizen_id, why, shown, first)


async def tell_claimed(app: App, tx: Transaction, guardian_id: UUID, child_id: UUID) -> None:
    """Tell a guardian that the child's record is used from a phone of its own now."""
    await tell.enqueue(app, tx, guardian_id, CHILD_CLAIMED.id, "", str(child_id))


@job("identity.alarm")
async def tell(app: App, citizen_id: UUID, template: str, device: str, session_id: str) -> None:
    """Job: put it into the inbox; the session's id makes it repeat-safe."""
    person = await find_person(app, citizen_id)
    if person is None:
        return
    key = f"{template}:{session_id}"
    async with transaction() as tx:
        params = {"device": device} if device else {}
        await notifications.send(app, tx, template, person, params, key)


@job("identity.tell_signed_out")
async def tell_out(app: App, citizen_id: UUID, why: str, device: str, session_id: str) -> None:
    """Job: put it into the inbox; the session's id makes it repeat-safe."""
    person = await find_person(app, citizen_id)
    if person is None:
        return
    params = {"device": device, "reason": SIGNED_OUT_BY[Ending(why)]}
    async with transaction() as tx:
        await notifications.send(app, tx, SIGNED_OUT, person, params, f"signed-out:{session_id}")
