"""Orders to pay (ISO 20022, pain.001.001.09) and what the bank answers to them (pain.002).

Source: the messages' schemas at iso20022.org. Banks are named by their CNAPS number, CNAPS being a
code of ISO 20022's external list of clearing systems.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from lxml import etree
from lxml.etree import _Element as Element

from core.clock import SHANGHAI
from core.money import format_yuan
from payments.finance import BankAccount

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
_ANSWERS = "urn:iso:std:iso:20022:tech:xsd:pain.002.001."
REFUSED = "RJCT"


@dataclass(frozen=True, slots=True)
class Order:
    """One payment to be made."""

    end_to_end: str
    amount_fen: int
    to: BankAccount
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bank says of a message, or of some of its orders by their end-to-end numbers.

    A status is a code of ISO 20022; RJCT is a refusal, everything else is no end yet.
    """

    order_ref: str
    status: str
    reason: str
    orders: Mapping[str, tuple[str, str]]
    """(status, reason)."""


def write_orders(
    order_ref: str, payer: BankAccount, orders: Sequence[Order], *, at: datetime, on: date
) -> bytes:
    """A message of orders from one account, to be carried out on a day."""
    root = etree.Element(f"{{{NAMESPACE}}}Document", nsmap={None: NAMESPACE})
    message = _add(root, "CstmrCdtTrfInitn")
    total = format_yuan(sum(order.amount_fen for order in orders))
    header = _add(message, "GrpHdr")
    _add(header, "MsgId", order_ref)
    _add(header, "CreDtTm", at.astimezone(SHANGHAI).isoformat(timespec="seconds"))
    _add(header, "NbOfTxs", str(len(orders)))
    _add(header, "CtrlSum", total)
    _add(_add(header, "InitgPty"), "Nm", payer.holder)
    batch = _add(message, "PmtInf")
    _add(batch, "PmtInfId", order_ref)
    _add(batch, "PmtMtd", "TRF")
    _add(batch, "NbOfTxs", str(len(orders)))
    _add(batch, "CtrlSum", total)
    _add(_add(batch, "ReqdExctnDt"), "Dt", on.isoformat())
    _add_party(batch, "Dbtr", payer)
    _add_bank(batch, "DbtrAgt", payer)
    for order in orders:
        _add_order(batch, order)
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return written


def read_answer(body: bytes) -> Answer:
    """A status report. Raises ValueError for what is none."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        raise ValueError("not XML") from None
    namespace = str(etree.QName(root).namespace)
    if root.getroottree().docinfo.doctype or not namespace.startswith(_ANSWERS):
        raise ValueError("no pain.002")
    group = root.find("{*}CstmrPmtStsRpt/{*}OrgnlGrpInfAndSts")
    if group is None:
        raise ValueError("no OrgnlGrpInfAndSts")
    order_ref = _text(group, "OrgnlMsgId")
    if not order_ref:
        raise ValueError("no OrgnlMsgId")
    return Answer(
        order_ref,
        _text(group, "GrpSts"),
        _reason(group),
        {
            _text(row, "OrgnlEndToEndId"): (_text(row, "TxSts"), _reason(row))
            for row in root.iterfind("{*}CstmrPmtStsRpt/{*}OrgnlPmtInfAndSts/{*}TxInfAndSts")
        },
    )


def _add_order(batch: Element, order: Order) -> None:
    row = _add(batch, "CdtTrfTxInf")
    _add(_add(row, "PmtId"), "EndToEndId", order.end_to_end)
    _add(_add(row, "Amt"), "InstdAmt", format_yuan(order.amount_fen)).set("Ccy", "CNY")
    _add_bank(row, "CdtrAgt", order.to)
    _add_party(row, "Cdtr", order.to)
    _add(_add(row, "RmtInf"), "Ustrd", order.text[:140])


def _add_party(parent: Element, side: str, account: BankAccount) -> None:
    _add(_add(parent, side), "Nm", account.holder)
    _add(_add(_add(_add(parent, f"{side}Acct"), "Id"), "Othr"), "Id", account.number)


def _add_bank(parent: Element, name: str, account: BankAccount) -> None:
    member = _add(_add(_add(parent, name), "FinInstnId"), "ClrSysMmbId")
    _add(_add(member, "ClrSysId"), "Cd", "CNAPS")
    _add(member, "MmbId", account.cnaps)


def _add(parent: Element, name: str, text: str | None = None) -> Element:
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    child.text = text
    return child


def _reason(row: Element) -> str:
    code = _text(row, "StsRsnInf/Rsn/Cd") or _text(row, "StsRsnInf/Rsn/Prtry")
    return f"{code} {_text(row, 'StsRsnInf/AddtlInf')}".strip()[:140]


def _text(element: Element, path: str) -> str:
    found = element.find("/".join(f"{{*}}{name}" for name in path.split("/")))
    return (found.text or "").strip() if found is not None else ""
