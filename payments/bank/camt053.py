"""A bank's statement of account in ISO 20022, camt.053, read from every published version alike.

Element names are the same in all of them where it matters here; what moved (the status, the amount
of one payment among several) is looked for in both places. A document with a DTD is refused unread.
Source: the message's schemas at iso20022.org (camt.053.001.02 to .13).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from lxml import etree
from lxml.etree import _Element as Element

from core.clock import SHANGHAI, parse_moment
from payments.ledger.accounts import BANK
from payments.statements import StatementRefused, fen

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."
_CURRENCY = "CNY"
_CHARGES = {"CHRG", "COMM", "FEES"}
"""Sub-families of bank transaction codes (BkTxCd) that are the bank's own charges."""
_REF_MAX = 48
"""More than a bank's number has; with the place of a part after it, it is within 64."""


@dataclass(frozen=True, slots=True)
class Booking:
    """One booked movement, in fen, never zero; above zero it is a credit to us.

    `ref` is the bank's own number, empty where it gives none; several may bear one. `end_to_end` is
    the number that the payment's maker gave it, ours for what we ordered. `party` and
    `party_account` are the other side. `is_return`: it undoes an earlier one.
    """

    ref: str
    booked_on: date
    amount_fen: int
    end_to_end: str = ""
    party: str = ""
    party_account: str = ""
    text: str = ""
    reason: str = ""
    is_charge: bool = False
    is_return: bool = False


@dataclass(frozen=True, slots=True)
class BankDay:
    """One statement: what an account held before and after its bookings, in fen."""

    statement_ref: str
    account_no: str
    booked_on: date
    opening_fen: int
    closing_fen: int
    bookings: Sequence[Booking]


def read(body: bytes) -> list[BankDay]:
    """The statements of a document. Raises StatementRefused as `parse` does, and totals where a
    statement's balances and bookings do not agree."""
    found = parse(body)
    for day in found:
        if day.opening_fen + sum(b.amount_fen for b in day.bookings) != day.closing_fen:
            raise StatementRefused(BANK, "totals", day.statement_ref)
    return found


def parse(body: bytes) -> list[BankDay]:
    """The statements of a document as they stand there.

    Raises StatementRefused malformed for what is none, or has a currency or a page without the
    others.
    """
    try:
        root = _parse(body)
        found = [_day(statement) for statement in _all(root, "BkToCstmrStmt/Stmt")]
    except ValueError as error:
        raise StatementRefused(BANK, "malformed", str(error)) from None
    if not found:
        raise StatementRefused(BANK, "malformed", "no statement in it")
    return found


def _parse(body: bytes) -> Element:
    # a parser is made anew each time: one must not be used by two threads
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        raise ValueError("not XML") from None
    if root.getroottree().docinfo.doctype:
        raise ValueError("a DTD is not taken")
    if not etree.QName(root).namespace or not str(etree.QName(root).namespace).startswith(
        _NAMESPACE
    ):
        raise ValueError("no camt.053")
    return root


def _day(statement: Element) -> BankDay:
    if _text(statement, "StmtPgntn/LastPgInd") == "false":
        raise ValueError("a page of a statement without the others")
    balances = {
        _text(b, "Tp/CdOrPrtry/Cd"): (_signed(b), _text(b, "Dt/Dt") or _text(b, "Dt/DtTm"))
        for b in _all(statement, "Bal")
    }
    opening, closing = balances.get("OPBD") or balances.get("PRCD"), balances.get("CLBD")
    if opening is None or closing is None:
        raise ValueError("no opening or no closing balance")
    entries = [e for e in _all(statement, "Ntry") if _status(e) == "BOOK"]
    return BankDay(
        statement_ref=_required(statement, "Id"),
        account_no=_text(statement, "Acct/Id/IBAN") or _required(statement, "Acct/Id/Othr/Id"),
        booked_on=_date(closing[1]),
        opening_fen=opening[0],
        closing_fen=closing[0],
        bookings=[b for entry in entries for b in _bookings(entry) if b.amount_fen],
    )


def _status(entry: Element) -> str:
    return _text(entry, "Sts/Cd") or _text(entry, "Sts")


def _bookings(entry: Element) -> Iterator[Booking]:
    """An entry, or each payment of one that books several."""
    amount_fen = _signed(entry)
    details = _all(entry, "NtryDtls/TxDtls")
    parts = [_part_fen(detail, amount_fen) for detail in details]
    whole = _booking(entry, details[0] if len(details) == 1 else entry, amount_fen)
    if len(details) < 2:
        yield whole
    elif None in parts or sum(part or 0 for part in parts) != amount_fen:
        yield replace(whole, end_to_end="", party="", party_account="")
    else:
        for number, (detail, part) in enumerate(zip(details, parts, strict=True), 1):
            yield replace(_booking(entry, detail, part or 0), ref=f"{whole.ref}/{number}")


def _booking(entry: Element, detail: Element, amount_fen: int) -> Booking:
    is_return = _text(entry, "RvslInd") == "true" or bool(_all(detail, "RtrInf"))
    # a payment that came back names its maker as it was: the other side is who got it
    side = "Dbtr" if (amount_fen > 0) != is_return else "Cdtr"
    family = _all(entry, "BkTxCd/Domn/Fmly/SubFmlyCd")
    return Booking(
        ref=(_text(entry, "AcctSvcrRef") or _text(detail, "Refs/AcctSvcrRef"))[:_REF_MAX],
        booked_on=_date(_text(entry, "BookgDt/Dt") or _required(entry, "BookgDt/DtTm")),
        amount_fen=amount_fen,
        end_to_end=_text(detail, "Refs/EndToEndId"),
        party=_text(detail, f"RltdPties/{side}/Pty/Nm") or _text(detail, f"RltdPties/{side}/Nm"),
        party_account=_account(detail, side),
        text=(_text(detail, "RmtInf/Ustrd") or _text(entry, "AddtlNtryInf"))[:140],
        reason=(_text(detail, "RtrInf/AddtlInf") or _text(detail, "RtrInf/Rsn/Cd"))[:140],
        is_charge=any((code.text or "").strip() in _CHARGES for code in family),
        is_return=is_return,
    )


def _account(detail: Element, side: str) -> str:
    place = f"RltdPties/{side}Acct/Id"
    return _text(detail, f"{place}/IBAN") or _text(detail, f"{place}/Othr/Id")


def _part_fen(detail: Element, whole_fen: int) -> int | None:
    """One payment's amount, on its entry's side; versions before 04 have it one level deeper."""
    found = _all(detail, "Amt") or _all(detail, "AmtDtls/TxAmt/Amt")
    if not found:
        return None
    amount_fen = _fen(found[0])
    side = _text(detail, "CdtDbtInd")
    is_credit = side == "CRDT" if side else whole_fen > 0
    return amount_fen if is_credit else -amount_fen


def _signed(element: Element) -> int:
    found = _all(element, "Amt")
    side = _text(element, "CdtDbtInd")
    if not found or side not in ("CRDT", "DBIT"):
        raise ValueError("no amount, or no side")
    amount_fen = _fen(found[0])
    return amount_fen if side == "CRDT" else -amount_fen


def _fen(amount: Element) -> int:
    if amount.get("Ccy") != _CURRENCY:
        raise ValueError(f"an amount in {amount.get('Ccy')}")
    return fen((amount.text or "").strip())


def _date(text: str) -> date:
    if len(text) == len("2026-11-20"):
        return date.fromisoformat(text)
    try:
        return parse_moment(text).astimezone(SHANGHAI).date()
    except ValueError:  # banks send local times without a zone
        return datetime.fromisoformat(text).date()


def _all(element: Element, path: str) -> list[Element]:
    """Descendants by local names, whatever the version's namespace."""
    return list(element.findall("/".join(f"{{*}}{name}" for name in path.split("/"))))


def _text(element: Element, path: str) -> str:
    found = _all(element, path)
    return (found[0].text or "").strip() if found else ""


def _required(element: Element, path: str) -> str:
    text = _text(element, path)
    if not text:
        raise ValueError(f"no {path}")
    return text
