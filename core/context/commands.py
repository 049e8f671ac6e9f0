"""Commands that run once per idempotency key: the short form of `core.database.idempotency`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from core.context.call import Call
from core.database import Transaction, idempotency
from core.database.idempotency import KEPT, Claim
from core.ids import new_id

CREDENTIAL_REPLAY = timedelta(minutes=1)
"""How long an answer that is a credential can be fetched again: a lost reply is asked for soon."""


async def claim_key(
    call: Call,
    tx: Transaction,
    operation: str,
    key: str,
    command: Mapping[str, Any],
    *,
    subject: UUID | str | None = None,
    effect_id: UUID | None = None,
    replay_for: timedelta = KEPT,
) -> Claim:
    """Bind a key to the effect that this transaction is about to make, or find the earlier one.

    `command` is the input as the client sent it. `subject` is who acts, the viewer unless given;
    `effect_id` a new id unless the effect has one already. What answers with a credential is
    replayed for `CREDENTIAL_REPLAY` alone. Raises InvalidInput for a malformed key, Conflict
    KEY_REUSED for the same key with other input, Conflict KEY_EXPIRED after `replay_for`,
    LoginRequired for a stranger without a subject.
    """
    return await idempotency.claim(
        call.app.clock,
        tx,
        subject=call.require_viewer().user_id if subject is None else subject,
        operation=operation,
        key=key,
        command=command,
        effect_id=new_id() if effect_id is None else effect_id,
        replay_for=replay_for,
    )


async def recall_key(
    call: Call, operation: str, key: str, command: Mapping[str, Any]
) -> UUID | None:
    """The effect that a key already has, before what is counted or asked for it: the same request
    sent again costs nobody anything. Raises Conflict KEY_REUSED, and LoginRequired as `claim_key`.
    """
    return await idempotency.recall(
        subject=call.require_viewer().user_id,
        operation=operation,
        key=key,
        command=command,
    )
