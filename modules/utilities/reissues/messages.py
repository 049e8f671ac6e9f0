"""The messages of re-issues."""

from core.context.app import App
from core.database import Transaction
from core.people.directory import Person
from core.texts import Text
from modules.utilities.invoices.models import BillInvoice
from modules.utilities.reissues import texts
from modules.utilities.reissues.models import InvoiceReissue
from notifications import api as notifications
from notifications.api import MessageClass, Param, Template

_TOLD = frozenset({"confirming", "issued", "refused", "unissued"})


async def tell(
    app: App, tx: Transaction, person: Person | None, row: InvoiceReissue, invoice: BillInvoice
) -> None:
    """Tell how far a re-issue is, once a state and name; who has left is told nothing."""
    if row.state not in _TOLD or person is None:
        return
    await notifications.notify(
        app,
        tx,
        person=person,
        template=f"bills.reissue_{row.state}",
        values={
            "no": row.old_invoice_no,
            "red_no": row.red_invoice_no,
            "new_no": invoice.invoice_no,
            "until": row.confirm_by,
            "reason": texts.REASONS.get(row.reason or "", texts.OTHER_REASON),
        },
        key=f"reissue:{row.id}:{row.state}:{row.names}",
        deep_link=f"/payments/{invoice.intent_id}",
    )


def _template(state: str, title: Text, body: Text, *, sms: bool, **params: Param) -> Template:
    about = MessageClass.SERVICE
    return Template(f"bills.reissue_{state}", title, body, sms=sms, about=about, params=params)


CONFIRMING = _template(
    "confirming", texts.CONFIRM_TITLE, texts.CONFIRM_BODY, sms=True, until=Param.MOMENT
)
ISSUED = _template("issued", texts.ISSUED_TITLE, texts.ISSUED_BODY, sms=False)
REFUSED = _template("refused", texts.REFUSED_TITLE, texts.REFUSED_BODY, sms=False)
UNISSUED = _template("unissued", texts.UNISSUED_TITLE, texts.UNISSUED_BODY, sms=True)
