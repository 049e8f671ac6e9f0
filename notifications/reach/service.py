"""How a person wishes to be reached: what they refuse, when they sleep, on which devices."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from uuid import UUID

from core.context.call import Call
from core.context.commands import claim_key
from core.database import Transaction, connection, transaction
from core.database.idempotency import Claim
from core.errors import InvalidInput
from core.ids import new_id
from notifications.reach import platform_users, store
from notifications.reach.domain import QuietHours, Reach
from notifications.reach.models import ADDRESS
from notifications.templates.domain import CLASSES, Channel, MessageClass
from notifications.templates.texts import (
    CRITICAL_NOT_REFUSED,
    DAYS_INVALID,
    DEVICE_TOKEN_INVALID,
    PLATFORM_USER_NOT_LINKED,
    TIME_INVALID,
)

_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_TOKEN = re.compile(r"[\x21-\x7e]{1,2048}", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
_WITH_SIGNS = ("fcm", "hms")
_MINI_PROGRAMMES = ("wechat_mini", "alipay_mini")
_NO_DEVICE = UUID(int=0)
"""What a key stands for that forgot nothing."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device as its push service knows it."""

    provider: str
    token: str


async def find_preferences(call: Call) -> Reach:
    """What the viewer refuses and when they sleep."""
    person_id = call.require_viewer().user_id
    return (await store.find_reach(connection(), [person_id]))[person_id]


async def set_preference(
    call: Call, about: MessageClass, channel: Channel, key: str, *, wanted: bool
) -> None:
    """Want or refuse a class through a channel, once per key: what was said since then stands.

    Raises InvalidInput, as safety is not refused, and Conflict.
    """
    person_id = call.require_viewer().user_id
    if not wanted and CLASSES[about].is_critical:
        raise InvalidInput(CRITICAL_NOT_REFUSED, "about")
    command, now = {"about": about, "channel": channel, "wanted": wanted}, call.app.clock.now()
    async with transaction() as tx:
        if not (await claim_key(call, tx, "setMessagePreference", key, command)).replayed:
            await store.set_refusal(tx, person_id, about, channel, refused=not wanted, now=now)


async def set_quiet_hours(
    call: Call, starts: str, ends: str, days: Sequence[int], key: str
) -> QuietHours:
    """Sleep from one time to another on some days, once per key: what was said since then stands.

    Equal times, or no day, are never. Raises InvalidInput, and Conflict.
    """
    person_id = call.require_viewer().user_id
    for name, value in (("starts", starts), ("ends", ends)):
        if _TIME.fullmatch(value) is None:
            raise InvalidInput(TIME_INVALID, name)
    if not set(days) <= set(range(7)):
        raise InvalidInput(DAYS_INVALID, "days")
    quiet = QuietHours(time.fromisoformat(starts), time.fromisoformat(ends), frozenset(days))
    command = {"starts": starts, "ends": ends, "days": sorted(quiet.days)}
    async with transaction() as tx:
        if not (await claim_key(call, tx, "setQuietHours", key, command)).replayed:
            await store.set_quiet(tx, person_id, quiet)
    return quiet


async def register_device(call: Call, device: Device, key: str) -> UUID:
    """Push goes to this device too, until the viewer's session ends; from somebody who had it
    before it goes away, and so does the oldest of more than `store.ADDRESSES_MAX`.

    Once per key: what was forgotten since then stays so. Returns the device's id.

    Raises InvalidInput for what cannot be a token: an Apple one stands in an address; for a name on
    a mini-programme's platform that is not linked with the viewer's account. Raises Conflict.
    """
    viewer = call.require_viewer()
    form = _TOKEN if device.provider in _WITH_SIGNS else _PLAIN
    if form.fullmatch(device.token) is None:
        raise InvalidInput(DEVICE_TOKEN_INVALID, "token")
    async with transaction() as tx:
        if device.provider in _MINI_PROGRAMMES and not await platform_users.owns(
            call.app, tx, viewer.user_id, device.provider, device.token
        ):
            raise InvalidInput(PLATFORM_USER_NOT_LINKED, "token")
        known_id = await store.find_address(call.app, tx, device.provider, device.token)
        claim = await _claim(call, tx, "registerDevice", key, device, known_id or new_id())
        if claim.replayed:
            return known_id or claim.effect_id
        return await store.put_address(
            *(call.app, tx, viewer.user_id, _channel_of(device), device.provider, device.token),
            session_id=viewer.session_id,
            address_id=claim.effect_id,
        )


async def forget_device(call: Call, device: Device, key: str) -> UUID | None:
    """Push goes to this device no more, once per key: registered again since then, it stays.

    Returns its id; None for a device of somebody else, of which nothing changes. Raises Conflict.
    """
    person_id = call.require_viewer().user_id
    async with transaction() as tx:
        own_id = await store.find_address(call.app, tx, device.provider, device.token, person_id)
        claim = await _claim(call, tx, "forgetDevice", key, device, own_id or _NO_DEVICE)
        if not claim.replayed and own_id is not None:
            await store.delete_address(tx, person_id, own_id)
    return None if claim.effect_id == _NO_DEVICE else claim.effect_id


async def _claim(
    call: Call, tx: Transaction, operation: str, key: str, device: Device, effect_id: UUID
) -> Claim:
    token = call.app.vault.blind_index(device.token, ADDRESS).hex()
    command = {"service": device.provider, "token": token}
    return await claim_key(call, tx, operation, key, command, effect_id=effect_id)


def _channel_of(device: Device) -> Channel:
    return Channel.MINI_PROGRAMME if device.provider in _MINI_PROGRAMMES else Channel.PUSH
