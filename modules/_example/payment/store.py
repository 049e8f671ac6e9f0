"""Every query of bills."""

from datetime import datetime
from uuid import UUID

from core.database import Transaction
from core.ids import new_id
from modules._example.payment.domain import ExamplePaymentDue
from modules._example.payment.models import ExamplePaymentBill


async def note_bill(
    tx: Transaction, citizen_id: UUID, due: ExamplePaymentDue, seen_at: datetime
) -> None:
    """Keep what the payee says of a bill; one that is known keeps its id and its payment."""
    columns = {"bill_no": due.bill_no, "amount_fen": due.amount_fen, "seen_at": seen_at}
    await ExamplePaymentBill.bulk_create(
        [ExamplePaymentBill(id=new_id(), citizen_id=citizen_id, **columns)],
        on_conflict=("citizen_id", "bill_no"),
        update_fields=("amount_fen", "seen_at"),
        using_db=tx,
    )


async def lock_bill(tx: Transaction, **columns: object) -> ExamplePaymentBill | None:
    """The bill that these columns name, locked until the transaction ends."""
    return await ExamplePaymentBill.filter(**columns).using_db(tx).select_for_update().first()


async def get_bill(bill_id: UUID) -> ExamplePaymentBill:
    """A bill by id."""
    return await ExamplePaymentBill.get(id=bill_id)


async def update_bill(tx: Transaction, bill_id: UUID, **columns: object) -> None:
    """Note the payment that was begun for a bill, or that it is paid."""
    await ExamplePaymentBill.filter(id=bill_id).using_db(tx).update(**columns)
