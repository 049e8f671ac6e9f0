"""Linked accounts in GraphQL."""

from typing import Annotated

import strawberry

from core.graphql import (
    IdempotencyKey,
    Info,
    Refused,
    by_data,
    mutation,
    parse_id,
    query,
    signed_in,
    view,
)
from modules.utilities.accounts import models, service
from modules.utilities.accounts.domain import UtilityKind

view(UtilityKind)
Kind = Annotated[UtilityKind, strawberry.argument(description="Which utility.")]
AccountNo = Annotated[
    str, strawberry.argument(description="The account's number, as it stands on the bill.")
]
BY_UTILITY = by_data("each utility is a service of its own")


@strawberry.type(description="A household's account at a biller, linked to the viewer.")
class BillAccount:
    id: strawberry.ID = strawberry.field(description="The link's id.")
    kind: UtilityKind = strawberry.field(description="The utility.")
    account_no: str = strawberry.field(description="The account's number.")
    label: str = strawberry.field(description="The viewer's own name for it, perhaps empty.")
    holder: str = strawberry.field(description="The holder, masked by the biller.")
    address: str = strawberry.field(description="The address, masked by the biller.")


@strawberry.type(description="The account is linked.")
class BillAccountLinked:
    account: BillAccount = strawberry.field(description="The account.")


@strawberry.type(description="The account is linked no more.")
class BillAccountUnlinked:
    account_id: strawberry.ID = strawberry.field(description="The link's id.")


LinkBillAccountResult = Annotated[
    BillAccountLinked | Refused, strawberry.union("LinkBillAccountResult")
]
UnlinkBillAccountResult = Annotated[
    BillAccountUnlinked | Refused, strawberry.union("UnlinkBillAccountResult")
]


@strawberry.type
class Query:
    """The query fields of linked accounts."""

    @query(signed_in(), description="The viewer's linked accounts.")
    async def bill_accounts(
        self,
        info: Info,
        kind: Annotated[
            UtilityKind | None, strawberry.argument(description="Of one utility; of all without.")
        ] = None,
    ) -> list[BillAccount]:
        """Links in the order they were made."""
        return [to_account(link) for link in await service.list_accounts(info.context, kind)]


@strawberry.type
class Mutation:
    """The mutation fields of linked accounts."""

    @mutation(
        BY_UTILITY,
        description="Link a household's account; linking it again renames it.",
    )
    async def link_bill_account(
        self,
        info: Info,
        kind: Kind,
        account_no: AccountNo,
        idempotency_key: IdempotencyKey,
        label: Annotated[
            str, strawberry.argument(description="The viewer's own name for it, perhaps empty.")
        ] = "",
    ) -> LinkBillAccountResult:
        """At most ten accounts per person."""
        link = await service.link_account(info.context, kind, account_no, label, idempotency_key)
        return BillAccountLinked(account=to_account(link))

    @mutation(signed_in(), description="Remove a link.")
    async def unlink_bill_account(
        self,
        info: Info,
        account_id: Annotated[
            strawberry.ID, strawberry.argument(description="The link's id, from billAccounts.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> UnlinkBillAccountResult:
        """A link that is gone already, or somebody else's, is not found."""
        await service.unlink_account(info.context, parse_id(account_id), idempotency_key)
        return BillAccountUnlinked(account_id=account_id)


def to_account(link: models.AccountLink) -> BillAccount:
    """A link as its citizen sees it."""
    return BillAccount(
        id=strawberry.ID(str(link.id)),
        kind=UtilityKind(link.kind),
        account_no=link.account_no,
        label=link.label,
        holder=link.holder_masked,
        address=link.address_masked,
    )
