"""The code by which a child takes over the record that waits for it: its guardian gives it.

Name and number are known to many; without the guardian's code they open nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.context.commands import CREDENTIAL_REPLAY, claim_key
from core.database import Transaction, transaction
from core.errors import NotFound
from core.people.mandates import act_for
from core.refusal_texts import NOT_FOUND
from core.security.mandate import MandateKind
from core.typed_text import read_code
from modules.identity import domain, store
from modules.identity.domain import CodeCheck
from modules.identity.models import LoginCode

_CLAIM = "identity.claim"


@dataclass(frozen=True, slots=True)
class ClaimCode:
    """A code for a child's own phone, shown to the guardian once."""

    code: str
    expires_at: datetime


async def make(call: Call, child_id: UUID, key: str) -> ClaimCode:
    """A new code for a child of the viewer; those before it end.

    The same key gives the same code again for a minute, then Conflict KEY_EXPIRED. Raises NotFound
    for nobody's child of the viewer, and for one who has a phone already.
    """
    app = call.app
    acting = await act_for(call, child_id)
    child = await store.find_citizen(child_id)
    is_guardian = acting.mandate is not None and acting.mandate.kind is MandateKind.GUARDIAN
    if not is_guardian or child is None or child.phone_index is not None:
        raise NotFound(NOT_FOUND)
    now = app.clock.now()
    async with transaction() as tx:
        claim = await claim_key(
            *(call, tx, "makeClaimCode", key, {"child": str(child_id)}),
            replay_for=CREDENTIAL_REPLAY,
        )
        code = domain.code_of(app.keys.pii_index, claim.effect_id)
        row, _ = await LoginCode.get_or_create(
            using_db=tx,
            id=claim.effect_id,
            defaults={
                "phone_index": _index(app, child_id),
                "code_hash": domain.hash_code(app.keys.pii_index, claim.effect_id, code),
                "created_at": now,
                "expires_at": now + domain.CLAIM_LIFE,
            },
        )
    return ClaimCode(code, row.expires_at)


async def use(app: App, tx: Transaction, child_id: UUID, code: str | None) -> bool:
    """Spend the newest code of a child; False where it is none. Who asks is counted elsewhere."""
    stored, now = await store.newest_code(tx, _index(app, child_id)), app.clock.now()
    if stored is None or code is None:
        return False
    check = domain.check_code(
        domain.hash_code(app.keys.pii_index, stored.id, read_code(code)),
        stored_hash=stored.code_hash,
        attempts=0,
        used=stored.used_at is not None,
        expires_at=stored.expires_at,
        now=now,
    )
    if check is not CodeCheck.GOOD:
        return False
    stored.used_at = now
    await stored.save(using_db=tx, update_fields=["used_at"])
    return True


def _index(app: App, child_id: UUID) -> bytes:
    return app.vault.blind_index(str(child_id), _CLAIM)
