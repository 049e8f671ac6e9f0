"""Every query of how people may be reached."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction, fetch_all, fetch_one, lock_name
from core.ids import new_id
from notifications.reach.domain import QuietHours, Reach
from notifications.reach.models import ADDRESS, Address, Refusal
from notifications.templates.domain import CLASSES, TO_PHONES, Channel, MessageClass

ADDRESSES_MAX = 10
"""Of a person in a channel: more than anybody has, and each message goes to all of them."""

_REACH = """
SELECT p.id, q.starts, q.ends, q.days,
       (SELECT array_agg(DISTINCT a.channel) FROM notifications_address a
         WHERE a.person_id = p.id AND a.gone_at IS NULL) AS channels,
       (SELECT array_agg(r.about || ':' || r.channel) FROM notifications_refusal r
         WHERE r.person_id = p.id) AS refused
  FROM {people} LEFT JOIN notifications_quiet q ON q.person_id = p.id
"""
_REACH_OF_MANY = _REACH.format(people="unnest($1::uuid[]) AS p (id)")
_REACH_OF_ONE = _REACH.format(people="(SELECT $1::uuid AS id) p")
"""PostgreSQL plans the other anew each time, as a list may be long: most of its time."""


async def find_reach(db: Transaction, people: Collection[UUID]) -> Mapping[UUID, Reach]:
    """How each of some people may be reached; everybody with an account has a phone."""
    match list(people):
        case []:
            return {}
        case [one]:
            rows = await fetch_all(db, _REACH_OF_ONE, one)
        case many:
            rows = await fetch_all(db, _REACH_OF_MANY, many)
    return {row["id"]: _reach(row) for row in rows}


def _reach(row: Mapping[str, Any]) -> Reach:
    channels = {Channel(name) for name in row["channels"] or ()} | TO_PHONES
    refused = (pair.split(":") for pair in row["refused"] or ())
    return Reach(
        frozenset(channels),
        frozenset((MessageClass(about), Channel(channel)) for about, channel in refused),
        quiet_of(row) if row["starts"] else None,
    )


def quiet_of(row: Mapping[str, Any]) -> QuietHours:
    """The quiet hours in a row."""
    return QuietHours(
        time.fromisoformat(row["starts"]),
        time.fromisoformat(row["ends"]),
        frozenset(map(int, row["days"])),
    )


@dataclass(frozen=True, slots=True, repr=False)
class LiveAddress:
    """A device or mailbox that is not gone, as it was last registered."""

    id: UUID
    provider: str
    address_sealed: bytes
    seen_at: datetime


async def list_addresses(
    db: Transaction, people: Collection[UUID], channel: Channel
) -> Mapping[UUID, Sequence[LiveAddress]]:
    """The live addresses of people in a channel."""
    found: dict[UUID, list[LiveAddress]] = defaultdict(list)
    rows = await Address.filter(person_id__in=list(people), channel=channel, gone_at=None).using_db(
        db
    )
    for row in rows:
        sealed = bytes(row.address_sealed)
        found[row.person_id].append(LiveAddress(row.id, row.provider, sealed, row.seen_at))
    return found


async def put_address(
    app: App,
    tx: Transaction,
    person_id: UUID,
    channel: Channel,
    provider: str,
    address: str,
    session_id: UUID | None = None,
    address_id: UUID | None = None,
) -> UUID:
    """Note a person's device or mailbox; one that was somebody else's is theirs no more, and of
    more than `ADDRESSES_MAX` the one that was seen longest ago, those that are gone first.

    A device goes with the session in which it asked. Returns the address's id: that which it has
    already, else the one given, if any.
    """
    await lock_name(tx, f"addresses:{person_id}")
    (row,) = await fetch_all(
        tx,
        """INSERT INTO notifications_address
             (id, person_id, channel, provider, address_sealed, address_index, seen_at, session_id)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (provider, address_index) DO UPDATE
             SET person_id = excluded.person_id, seen_at = excluded.seen_at, gone_at = NULL,
                 session_id = excluded.session_id
           RETURNING id""",
        address_id or new_id(),
        person_id,
        channel,
        provider,
        app.vault.encrypt(address, ADDRESS),
        app.vault.blind_index(address, ADDRESS),
        app.clock.now(),
        session_id,
    )
    noted_id = UUID(str(row["id"]))
    await fetch_all(
        tx,
        """DELETE FROM notifications_address WHERE id IN (
             SELECT id FROM notifications_address
              WHERE person_id = $1 AND channel = $2 AND id <> $3
              ORDER BY gone_at IS NULL DESC, seen_at DESC, id DESC OFFSET $4) RETURNING 1""",
        person_id,
        channel,
        noted_id,
        ADDRESSES_MAX - 1,
    )
    return noted_id


async def delete_platform_addresses(
    tx: Transaction, person_id: UUID, provider: str | None = None
) -> None:
    """Forget a person's names on the platforms of mini-programmes, all or that on one provider's.
    Repeat-safe."""
    found = Address.filter(person_id=person_id, channel=Channel.MINI_PROGRAMME)
    found = found if provider is None else found.filter(provider=provider)
    await found.using_db(tx).delete()


async def delete_session_addresses(tx: Transaction, session_id: UUID) -> None:
    """Forget the devices that asked for push in a session. Repeat-safe."""
    await Address.filter(session_id=session_id).using_db(tx).delete()


async def find_address(
    app: App, tx: Transaction, provider: str, address: str, person_id: UUID | None = None
) -> UUID | None:
    """The id of a device or mailbox; where a person is given, only if it is theirs."""
    row = await fetch_one(
        tx,
        """SELECT id FROM notifications_address WHERE provider = $1 AND address_index = $2
              AND ($3::uuid IS NULL OR person_id = $3)""",
        provider,
        app.vault.blind_index(address, ADDRESS),
        person_id,
    )
    return None if row is None else UUID(str(row["id"]))


async def delete_address(tx: Transaction, person_id: UUID, address_id: UUID) -> None:
    """Forget a person's device or mailbox; one that is not theirs stays. Repeat-safe."""
    await Address.filter(id=address_id, person_id=person_id).using_db(tx).delete()


async def note_gone(tx: Transaction, gone: Sequence[LiveAddress], now: datetime) -> None:
    """Note addresses that their providers know no more, but for those registered anew since."""
    await fetch_all(
        tx,
        """UPDATE notifications_address a SET gone_at = $3
             FROM unnest($1::uuid[], $2::timestamptz[]) AS n (id, seen_at)
            WHERE a.id = n.id AND a.seen_at = n.seen_at RETURNING 1""",
        [each.id for each in gone],
        [each.seen_at for each in gone],
        now,
    )


async def set_refusal(
    tx: Transaction,
    person_id: UUID,
    about: MessageClass,
    channel: Channel,
    *,
    refused: bool,
    now: datetime,
) -> None:
    """Note, or take back, that a person does not want a class through a channel."""
    if not refused:
        owned = Refusal.filter(person_id=person_id, about=about, channel=channel)
        await owned.using_db(tx).delete()
        return
    await fetch_all(
        tx,
        """INSERT INTO notifications_refusal (id, person_id, about, channel, refused_at)
           VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING""",
        new_id(),
        person_id,
        about,
        channel,
        now,
    )


async def set_quiet(tx: Transaction, person_id: UUID, quiet: QuietHours) -> None:
    """Note a person's quiet hours."""
    await fetch_all(
        tx,
        """INSERT INTO notifications_quiet (person_id, starts, ends, days)
           VALUES ($1, $2, $3, $4)
           ON CONFLICT (person_id) DO UPDATE
             SET starts = excluded.starts, ends = excluded.ends, days = excluded.days""",
        person_id,
        f"{quiet.starts:%H:%M}",
        f"{quiet.ends:%H:%M}",
        "".join(map(str, sorted(quiet.days))),
    )


_TAKE_CAPS = """
WITH asked AS (
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[])
    AS n (message_id, person_id, about, cap)
), taken AS (
  INSERT INTO notifications_daily_count AS c (person_id, about, counted_on, messages)
  SELECT person_id, about, $5, (array_agg(message_id))[:$6] FROM asked
   GROUP BY person_id, about ORDER BY person_id, about
  ON CONFLICT (person_id, about, counted_on) DO UPDATE
    SET messages = (c.messages || ARRAY(
      SELECT m FROM unnest(excluded.messages) AS m WHERE m <> ALL(c.messages)))[:$6]
  RETURNING person_id, about, messages)
SELECT message_id FROM asked JOIN taken USING (person_id, about)
 WHERE array_position(messages, message_id) <= cap
"""
_CAP_MAX = max(rule.daily_cap or 0 for rule in CLASSES.values())


async def take_caps(
    db: Transaction, leaving: Mapping[UUID, tuple[UUID, MessageClass]], today: date
) -> Collection[UUID]:
    """Count messages that are about to leave the inbox, each with its person and its class, which
    has a cap; returns those that may. One that is counted already today is not counted again.

    One statement for any number of people, and no look at the messages that went before.
    """
    if not leaving:
        return frozenset()
    rows = await fetch_all(
        db,
        _TAKE_CAPS,
        list(leaving),
        [person_id for person_id, _ in leaving.values()],
        [about for _, about in leaving.values()],
        [CLASSES[about].daily_cap for _, about in leaving.values()],
        today,
        _CAP_MAX,
    )
    return {row["message_id"] for row in rows}


async def forget_counts(db: Transaction, before: datetime) -> None:
    """Drop the counts of days that are over."""
    await fetch_all(
        db,
        "DELETE FROM notifications_daily_count WHERE counted_on < $1 RETURNING 1",
        civil_date(before),
    )
