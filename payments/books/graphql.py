"""The books in GraphQL, for the finance office: balances, statements, closings, payouts."""

from datetime import date, datetime
from typing import Annotated

import strawberry

from core.errors import InvalidInput
from core.graphql import Fen, IdempotencyKey, Info, Refused, mutation, parse_id, query, staff
from core.security.authorization import Scope
from core.texts import Locale, Text
from payments.bank import transfers
from payments.bank.models import Transfer
from payments.books.closing import close_day_by_key
from payments.finance import finance_of
from payments.ledger import closing
from payments.ledger.accounts import CHART, Side
from payments.ledger.models import Closing
from payments.ledger.store import StatementLine

_FINANCE = staff(Scope.PAYMENTS_CORRECT)
_LINES_MAX = 500
_DAYS_MAX = 366

NO_SUCH_DAYS = Text(
    "NO_SUCH_DAYS",
    "日期区间不正确（最长一年）",
    "The days must be in order, and a year at most",
)
NO_SUCH_ACCOUNT = Text(
    "NO_SUCH_ACCOUNT",
    "没有该账户",
    "No kind of account is called so",
)

FromDay = Annotated[date, strawberry.argument(description="The first day.")]
ToDay = Annotated[date, strawberry.argument(description="The last day, included.")]
AccountCode = Annotated[
    str, strawberry.argument(description="The account's code, as `psp:wechatpay`.")
]


@strawberry.type(description="An account over some days; payers are one line.")
class PeriodBalance:
    account: str = strawberry.field(description="The account's code.")
    subject_code: str = strawberry.field(description="The subject's code in the city's books.")
    subject_name: str = strawberry.field(description="The subject's name.")
    normal_side: str = strawberry.field(description="`D` or `C`: where its balances stand.")
    opening: Fen = strawberry.field(description="What it held before the first day.")
    debit: Fen = strawberry.field(description="What was debited.")
    credit: Fen = strawberry.field(description="What was credited.")
    closing: Fen = strawberry.field(description="What it held after the last day.")


@strawberry.type(description="One posting to an account.")
class AccountLine:
    posted_at: datetime = strawberry.field(description="When it was posted.")
    key: str = strawberry.field(description="The voucher's key.")
    debit: Fen | None = strawberry.field(description="The amount, on the debit side.")
    credit: Fen | None = strawberry.field(description="The amount, on the credit side.")


@strawberry.type(description="An account's postings of some days; at most 500, the oldest.")
class AccountStatement:
    account: str = strawberry.field(description="The account's code.")
    opening: Fen = strawberry.field(description="What it held before the first line.")
    lines: list[AccountLine] = strawberry.field(description="The postings, the oldest first.")
    closing: Fen = strawberry.field(description="What it held after the last line.")


@strawberry.type(description="A closed day: nothing is posted into it, or before it, any more.")
class DayClosing:
    closed_on: date = strawberry.field(description="The day.")
    closed_at: datetime = strawberry.field(description="When it was closed.")


@strawberry.type(description="A payout on its way to the payee's account.")
class PayoutTransfer:
    id: strawberry.ID = strawberry.field(description="The payout's id.")
    payee: str = strawberry.field(description="The payee's name in the ledger.")
    amount: Fen = strawberry.field(description="The amount.")
    state: str = strawberry.field(
        description="`due`, `ordered`, `refused`, `paid` or `returned`; only the bank's statement "
        "makes it paid or returned."
    )
    reason: str | None = strawberry.field(description="Why the bank refused or returned it.")
    ordered_at: datetime | None = strawberry.field(description="When it was ordered last.")


@strawberry.type(description="The day is closed.")
class DayClosed:
    closing: DayClosing = strawberry.field(description="The closed day.")


@strawberry.type(description="The payout is ordered anew.")
class TransferRenewed:
    transfer: PayoutTransfer = strawberry.field(description="The payout as it stands now.")


CloseDayResult = Annotated[
    DayClosed | Refused,
    strawberry.union("CloseDayResult", description="The closed day, or why not."),
]
RenewTransferResult = Annotated[
    TransferRenewed | Refused,
    strawberry.union("RenewTransferResult", description="The payout, or why not."),
]


@strawberry.type
class Query:
    """The query fields of the books."""

    @query(_FINANCE, description="Every account over some days, with its subject.")
    async def period_balances(
        self, info: Info, from_day: FromDay, to_day: ToDay
    ) -> list[PeriodBalance]:
        """Opening balance, movements, closing balance."""
        _check_days(from_day, to_day)
        call = info.context
        finance = finance_of(call.app)
        found = []
        for row in await closing.list_balances(from_day, to_day):
            subject = finance.subject_of(row.code)
            found.append(
                PeriodBalance(
                    account=row.code,
                    subject_code=subject.code,
                    subject_name=subject.name.zh if call.locale is Locale.ZH else subject.name.en,
                    normal_side=row.normal.value,
                    opening=Fen(row.opening_fen),
                    debit=Fen(row.debit_fen),
                    credit=Fen(row.credit_fen),
                    closing=Fen(row.closing_fen),
                )
            )
        return found

    @query(_FINANCE, description="An account's postings of some days.")
    async def account_statement(
        self, info: Info, account: AccountCode, from_day: FromDay, to_day: ToDay
    ) -> AccountStatement:
        """With the balance before and after them."""
        _check_days(from_day, to_day)
        if account.partition(":")[0] not in CHART:
            raise InvalidInput(NO_SUCH_ACCOUNT, "account")
        found = await closing.read_statement(account, from_day, to_day, _LINES_MAX)
        return AccountStatement(
            account=account,
            opening=Fen(found.opening_fen),
            lines=[_line(line) for line in found.lines],
            closing=Fen(found.closing_fen),
        )

    @query(_FINANCE, description="The closed days, the last first; at most 100.")
    async def day_closings(self, info: Info) -> list[DayClosing]:
        """What can no longer be posted into."""
        return [_closing(row) for row in await closing.list_closings()]

    @query(_FINANCE, description="Payouts to payees' accounts, the newest first; at most 100.")
    async def payout_transfers(self, info: Info) -> list[PayoutTransfer]:
        """What has become of them at the bank."""
        return [_transfer(row) for row in await transfers.list_transfers()]


@strawberry.type
class Mutation:
    """The mutation fields of the books."""

    @mutation(_FINANCE, description="Close a day and all before it, once all of it is compared.")
    async def close_day(
        self,
        info: Info,
        day: Annotated[date, strawberry.argument(description="The day, which must be over.")],
        idempotency_key: IdempotencyKey,
    ) -> CloseDayResult:
        """A day that was closed under another key is refused as DAY_CLOSED."""
        made = await close_day_by_key(info.context, day, idempotency_key)
        return DayClosed(closing=_closing(made))

    @mutation(_FINANCE, description="Have a refused or returned payout ordered anew.")
    async def renew_transfer(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The payout's id.")],
        idempotency_key: IdempotencyKey,
    ) -> RenewTransferResult:
        """It is ordered with the next message, under a new number."""
        row = await transfers.renew_by_key(info.context, parse_id(id), idempotency_key)
        return TransferRenewed(transfer=_transfer(row))


def _check_days(first: date, last: date) -> None:
    if not 0 <= (last - first).days < _DAYS_MAX:
        raise InvalidInput(NO_SUCH_DAYS, "toDay")


def _line(line: StatementLine) -> AccountLine:
    amount, is_debit = Fen(line.amount_fen), line.side is Side.DEBIT
    return AccountLine(
        posted_at=line.posted_at,
        key=line.key,
        debit=amount if is_debit else None,
        credit=None if is_debit else amount,
    )


def _closing(row: Closing) -> DayClosing:
    return DayClosing(closed_on=row.closed_on, closed_at=row.closed_at)


def _transfer(row: Transfer) -> PayoutTransfer:
    return PayoutTransfer(
        id=strawberry.ID(str(row.id)),
        payee=row.payee,
        amount=Fen(row.amount_fen),
        state=row.state,
        reason=row.reason,
        ordered_at=row.ordered_at,
    )
