"""A payee with a bill a month per grown-up; of payments it is told as payments.md says."""

from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.people import Person
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Refusal, read_body, reply
from sandbox.shared import receipts
from sandbox.shared.receipts import Payment
from sandbox.shared.registry import Record, draw_for, record_operation

NAME = "example_payment"
GROWN_UP_YEARS, DUE_DAY = 18, 28
SCHEMA = """
CREATE TABLE example_payment_bill (
    bill_no TEXT PRIMARY KEY, amount_fen INTEGER NOT NULL
);
"""


def _bills(city: City, person: Person) -> Record | None:
    """This month's bill, while it is not paid. Once it was listed it can be paid."""
    today = city.today()
    if person.age_on(today) < GROWN_UP_YEARS:
        return None
    draw = draw_for(city, f"{NAME}:{today:%Y-%m}", person)
    bill_no = f"B{today:%Y%m}{draw.randrange(10**9):09d}"
    amount_fen = draw.randrange(1000, 20_000)
    row = (bill_no, amount_fen)
    city.state.run("INSERT OR IGNORE INTO example_payment_bill VALUES (?, ?)", row)
    if receipts.paid_fen(city, NAME, bill_no):
        return None
    due_on = today.replace(day=DUE_DAY).isoformat()
    return {"bills": [{"bill_no": bill_no, "amount_fen": amount_fen, "due_on": due_on}]}


def _no_bills(city: City) -> Record:
    return {"bills": []}


async def pay(request: Request, city: City) -> Response:
    """Book a payment of a bill."""
    bill_no, payment = request.path_params["bill_no"], await read_body(request, Payment)

    def settle() -> None:
        bill = city.state.one("SELECT * FROM example_payment_bill WHERE bill_no = ?", (bill_no,))
        if bill is None:
            raise Refusal(404, "NO_SUCH_BILL", "no such bill")
        if receipts.paid_fen(city, NAME, bill_no):
            raise Refusal(409, "ALREADY_PAID", "another payment settled the bill")
        if payment.amount_fen != bill["amount_fen"]:
            raise Refusal(422, "AMOUNT_MISMATCH", f"due: {bill['amount_fen']} fen")

    return reply(receipts.describe(receipts.record(city, NAME, bill_no, payment, settle)))


SYSTEMS = (
    System(
        name=NAME,
        title_zh="示例缴费",
        title_en="Example payment",
        schema=SCHEMA,
        operations=(
            record_operation("list_due", "/example-payment/bills/query", _bills, _no_bills),
            Operation("pay", "POST", "/example-payment/bills/{bill_no}/payments", pay),
            Operation(
                "find_payment",
                "GET",
                "/example-payment/payments/{payment_ref}",
                receipts.finder(NAME),
            ),
        ),
    ),
)
