"""The bank that keeps the city's account: PSPs settle to it, payouts are ordered from it.

Orders come as pain.001 and are answered with pain.002; a day's statement is camt.053.
"""

from sandbox.server.system import Operation, System
from sandbox.systems.settlement_bank import control, routes

_REFUSED = "/_control/settlement-bank/refused/{number}"

SYSTEMS = (
    System(
        name="settlement_bank",
        title_zh="结算银行",
        title_en="Settlement bank",
        schema=routes.SCHEMA,
        operations=(
            Operation("send_orders", "POST", "/settlement-bank/orders", routes.send_orders),
            Operation(
                "fetch_statement", "GET", "/settlement-bank/statements/{day}", routes.statement
            ),
        ),
        controls=(
            Operation(
                "open_bank_day", "PUT", "/_control/settlement-bank/days/{day}", control.open_day
            ),
            Operation("book", "POST", "/_control/settlement-bank/bookings", control.book),
            Operation("refuse_account", "PUT", _REFUSED, control.refuse),
            Operation("accept_account", "DELETE", _REFUSED, control.accept),
            Operation(
                "list_transfers", "GET", "/_control/settlement-bank/transfers", control.transfers
            ),
        ),
    ),
)
