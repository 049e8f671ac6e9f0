"""The billers' HTTP interface and its control switches."""

from collections.abc import Awaitable, Callable

from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.households import address_zh
from sandbox.server.state import Row
from sandbox.server.system import City, Handler, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.statements.control import controls
from sandbox.systems.billers import invoices, ledger, red_forms, red_invoices, settlement
from sandbox.systems.billers.tariff import Utility

SCHEMA = ledger.SCHEMA + invoices.SCHEMA + red_forms.SCHEMA
USAGE_MAX = 100_000


class WriteOff(Body):
    """A payment that settles a bill, or a part of it where the biller takes parts."""

    payment_ref: str = Field(min_length=1, max_length=64)
    amount_fen: int = Field(gt=0)
    paid_at: AwareDatetime


class FreshBill(Body):
    """What a fresh bill is for; usage unset means a usual month."""

    usage: int | None = Field(None, ge=1, le=USAGE_MAX)


class Withdrawal(Body):
    """How a bill is withdrawn: silently, it looks open until the write-off is refused."""

    silently: bool = False


UtilityHandler = Callable[[Request, City, Utility], Awaitable[Response]]
Wrapper = Callable[[UtilityHandler], Handler]


def biller(utility: Utility, *, schema: str) -> System:
    """The system of one utility."""

    def of(handler: UtilityHandler) -> Handler:
        async def handle(request: Request, city: City) -> Response:
            return await handler(request, city, utility)

        return handle

    root = f"/billers/{utility.kind}"
    return System(
        name=f"biller_{utility.kind}",
        group="biller",
        title_zh=utility.title_zh,
        title_en=utility.title_en,
        schema=schema,
        operations=(
            Operation("get_account", "GET", root + "/accounts/{account_no}", of(_account)),
            Operation("list_bills", "GET", root + "/accounts/{account_no}/bills", of(_bills)),
            Operation("get_bill", "GET", root + "/bills/{bill_no}", of(_bill)),
            Operation("write_off", "POST", root + "/bills/{bill_no}/write-off", of(_write_off)),
            Operation("find_write_off", "GET", root + "/write-offs/{payment_ref}", of(_written)),
            *_invoicing(root, of),
            Operation("settlement", "GET", root + "/settlements/{day}", of(settlement.announce)),
            Operation(
                "settlement_file",
                "GET",
                root + "/settlement-files/{token}",
                of(settlement.download),
            ),
        ),
        controls=(
            Operation(
                "issue", "POST", f"/_control{root}/accounts/{{account_no}}/bills", of(_issue)
            ),
            Operation(
                "withdraw", "POST", f"/_control{root}/bills/{{bill_no}}/withdraw", of(_withdraw)
            ),
            *_invoice_switches(root, of),
            *controls(f"biller_{utility.kind}"),
        ),
    )


def _invoicing(root: str, of: Wrapper) -> tuple[Operation, ...]:
    return (
        Operation("apply_invoice", "POST", root + "/invoices", of(invoices.apply)),
        Operation("read_invoice", "GET", root + "/invoices/{request_no}", of(invoices.read)),
        Operation("invoice_file", "GET", root + "/invoices/{request_no}/file", of(invoices.show)),
        Operation("apply_red", "POST", root + "/red-invoices", of(red_invoices.apply)),
        Operation("red_file", "GET", root + "/red-invoices/{red_ref}/file", of(red_invoices.show)),
    )


def _invoice_switches(root: str, of: Wrapper) -> tuple[Operation, ...]:
    return (
        Operation("use", "POST", f"/_control{root}/invoices/{{invoice_no}}/use", of(invoices.use)),
        Operation(
            "answer",
            "POST",
            f"/_control{root}/invoices/{{invoice_no}}/answer",
            of(red_invoices.answer),
        ),
    )


async def _account(request: Request, city: City, utility: Utility) -> Response:
    account = ledger.find_account(city, utility, request.path_params["account_no"])
    address = address_zh(city.settings.seed, account.household_no)
    return reply(
        {
            "account_no": account.account_no,
            "holder_masked": "*" * (len(account.holder.name) - 1) + account.holder.name[-1],
            "address_masked": address[: address.index("区") + 1] + "****" + address[-3:],
            "status": "active",
        }
    )


async def _bills(request: Request, city: City, utility: Utility) -> Response:
    wanted = request.query_params.get("status", "open")
    if wanted not in ("open", "all"):
        raise Refusal(400, "INVALID_REQUEST", "status must be open or all")
    account = ledger.find_account(city, utility, request.path_params["account_no"])
    bills = ledger.list_bills(city, utility, account)
    day = city.today()
    chosen = [b for b in bills if wanted == "all" or b["status"] == "open"]
    return reply({"bills": [ledger.describe_bill(city, utility, bill, day) for bill in chosen]})


async def _bill(request: Request, city: City, utility: Utility) -> Response:
    bill = ledger.get_bill(city, utility, request.path_params["bill_no"])
    return reply(ledger.describe_bill(city, utility, bill, city.today()))


async def _write_off(request: Request, city: City, utility: Utility) -> Response:
    body = await read_body(request, WriteOff)
    written = ledger.write_off(
        city, utility, request.path_params["bill_no"],
        body.payment_ref, body.amount_fen, body.paid_at,
    )  # fmt: skip
    return reply(_describe_write_off(written))


async def _written(request: Request, city: City, utility: Utility) -> Response:
    written = ledger.find_write_off(city, utility, request.path_params["payment_ref"])
    if written is None:
        raise Refusal(404, "NO_SUCH_WRITE_OFF", "this payment wrote nothing off")
    return reply(_describe_write_off(written))


async def _issue(request: Request, city: City, utility: Utility) -> Response:
    fresh = await read_body(request, FreshBill)
    account = ledger.find_account(city, utility, request.path_params["account_no"])
    usage = fresh.usage or (utility.usage_min + utility.usage_max) // 2
    bill = ledger.issue_bill(city, utility, account, usage)
    return reply(ledger.describe_bill(city, utility, bill, city.today()), 201)


async def _withdraw(request: Request, city: City, utility: Utility) -> Response:
    how = await read_body(request, Withdrawal)
    bill_no = request.path_params["bill_no"]
    bill = ledger.withdraw_bill(city, utility, bill_no, silently=how.silently)
    return reply(ledger.describe_bill(city, utility, bill, city.today()))


def _describe_write_off(written: Row) -> dict[str, object]:
    members = ("write_off_no", "bill_no", "payment_ref", "amount_fen", "written_off_at")
    return {member: written[member] for member in members}
