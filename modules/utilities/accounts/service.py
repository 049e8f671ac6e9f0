"""Linking a household's account to a citizen."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from core.context.call import Call
from core.database import rate_limit, transaction
from core.errors import InvalidInput
from kinds import owned
from modules.utilities.accounts import domain, store, texts
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.accounts.models import AccountLink
from modules.utilities.accounts.unlinking import UNLINKINGS
from modules.utilities.accounts.upstream import find_account

LOOKUPS_PER_HOUR = 30


def require_level(call: Call, kind: UtilityKind) -> UUID:
    """The viewer's id. Raises LoginRequired below the level that the utility's service asks.

    Freshness is not looked at: only paying needs that, see `Call.require_service`.
    """
    service = call.app.services[domain.SERVICE_ID[kind]]
    return call.require_viewer(service.identity_level).user_id


async def link_account(
    call: Call, kind: UtilityKind, account_no: str, label: str, key: str
) -> AccountLink:
    """Link a household's account to the viewer; linking it again renames the link.

    Raises InvalidInput, NotFound for a number the biller does not know, RateLimited for trying out
    numbers, Conflict above ten accounts, Unavailable when the biller does not answer.
    """
    citizen_id = require_level(call, kind)
    label, account_no = owned.require_label(label), account_no.strip()
    if not domain.is_account_no(account_no):
        raise InvalidInput(texts.ACCOUNT_INVALID, "accountNo")
    own = {"kind": kind.value, "account_no": account_no}
    if not await owned.list_all(store.ACCOUNTS, citizen_id, **own):
        # whoever links their own account again tries out no numbers
        await rate_limit.require(
            call.app.clock,
            f"bill-account:{citizen_id}",
            limit=LOOKUPS_PER_HOUR,
            window=timedelta(hours=1),
            refusal=texts.TOO_MANY_LOOKUPS,
        )
    answer = find_account(call.app, call.deadline, kind, account_no)
    account = await owned.look_up(answer, texts.BILLER)
    row = {
        "kind": kind.value,
        "account_no": account.account_no,
        "label": label,
        "holder_masked": account.holder_masked[:64],
        "address_masked": account.address_masked[:128],
        "linked_at": call.app.clock.now(),
    }
    command = {"kind": kind, "account_no": account_no, "label": label}
    async with transaction() as tx:
        return await owned.add(call, tx, store.ACCOUNTS, "linkBillAccount", key, row, command)


async def unlink_account(call: Call, link_id: UUID, key: str) -> None:
    """Remove one of the viewer's links with its reminder and autopay. Raises NotFound.

    The same key removes once.
    """
    async with transaction() as tx:
        if await owned.remove(call, tx, store.ACCOUNTS, "unlinkBillAccount", key, id=link_id):
            for unlinking in call.app.extensions(UNLINKINGS):
                await unlinking.end(call.app, tx, link_id)


async def list_accounts(call: Call, kind: UtilityKind | None) -> Sequence[AccountLink]:
    """The viewer's linked accounts."""
    of_kind = {} if kind is None else {"kind": kind.value}
    return await owned.list_all(store.ACCOUNTS, call.require_viewer().user_id, **of_kind)
