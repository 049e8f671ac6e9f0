"""The bank's messages: camt.053 of several versions as banks write it, pain.001 that schemas take.

The forms here are built after published samples: github.com/genkgo/camt, test/data (camt053.v2.xml,
.v4.xml, .v8.xml), made by nobody here. The samples themselves and the schemas of iso20022.org are
read where they lie in `data/iso20022` of the shared folder; nothing of them is kept here.
"""

import os
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from lxml import etree

from core.city import CityFileError
from payments.bank import camt053, pain
from payments.bank.domain import end_to_end, transfer_of
from payments.finance import load_finance
from payments.ledger.accounts import CHART
from payments.statements import StatementRefused
from tests.conftest import ROOT
from tests.payments import bank

DAY = date(2026, 11, 20)
FOREIGN = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared")) / "data/iso20022"
FINANCE = load_finance(ROOT / "cities/jinan/finance.toml")

_PARTIES = {
    "02": "<RltdPties><Dbtr><Nm>PSP</Nm></Dbtr><DbtrAcct><Id><Othr><Id>243</Id></Othr></Id>"
    "</DbtrAcct></RltdPties>",
    "08": "<RltdPties><Dbtr><Pty><Nm>PSP</Nm></Pty></Dbtr><DbtrAcct><Id><IBAN>243</IBAN></Id>"
    "</DbtrAcct></RltdPties>",
}
_STATUS = {"02": "BOOK", "08": "<Cd>BOOK</Cd>"}
_PART = {
    "02": '<AmtDtls><TxAmt><Amt Ccy="CNY">{yuan}</Amt></TxAmt></AmtDtls>',
    "08": '<Amt Ccy="CNY">{yuan}</Amt><CdtDbtInd>CRDT</CdtDbtInd>',
}


def _foreign(name: str) -> bytes:
    path = FOREIGN / name
    if not path.is_file():
        pytest.skip(f"shared data absent: iso20022/{name} (set SHARED_DIR)")
    return path.read_bytes()


def _document(version: str, entries: str, closing: str = "8.85", page: str = "") -> bytes:
    def balance(code: str, yuan: str) -> str:
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
            f'<Amt Ccy="CNY">{yuan}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{DAY}</Dt></Dt></Bal>'
        )

    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">'
        f"<BkToCstmrStmt><Stmt><Id>253</Id>{page}<Acct><Id><Othr><Id>37</Id></Othr></Id></Acct>"
        f"{balance('OPBD', '0.00')}{balance('CLBD', closing)}{entries}"
        "</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def _entry(version: str, details: str, yuan: str = "8.85", status: str = "") -> str:
    return (
        f'<Ntry><Amt Ccy="CNY">{yuan}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        f"<Sts>{status or _STATUS[version]}</Sts><BookgDt><DtTm>2026-11-20T23:15:00+08:00</DtTm>"
        f"</BookgDt><AcctSvcrRef>98765/01</AcctSvcrRef><NtryDtls>{details}</NtryDtls></Ntry>"
    )


@pytest.mark.parametrize("version", ["02", "08"])
def test_a_statement_of_each_form_says_the_same(version: str) -> None:
    detail = f"<TxDtls><Refs><EndToEndId>E1</EndToEndId></Refs>{_PARTIES[version]}</TxDtls>"
    pending = _entry(version, "", "5.00", {"02": "PDNG", "08": "<Cd>PDNG</Cd>"}[version])
    [day] = camt053.read(_document(version, _entry(version, detail) + pending))
    assert (day.statement_ref, day.account_no, day.booked_on) == ("253", "37", DAY)
    [booking] = day.bookings
    assert (booking.ref, booking.booked_on, booking.amount_fen) == ("98765/01", DAY, 885)
    assert (booking.end_to_end, booking.party, booking.party_account) == ("E1", "PSP", "243")


@pytest.mark.parametrize("version", ["02", "08"])
def test_an_entry_of_several_payments_is_each_of_them_or_the_whole(version: str) -> None:
    def detail(number: str, yuan: str) -> str:
        refs = f"<Refs><EndToEndId>{number}</EndToEndId></Refs>"
        return f"<TxDtls>{refs}{_PART[version].format(yuan=yuan)}</TxDtls>"

    parts = detail("E1", "8.00") + detail("E2", "0.85")
    [day] = camt053.read(_document(version, _entry(version, parts)))
    told = [(b.ref, b.end_to_end, b.amount_fen) for b in day.bookings]
    assert told == [("98765/01/1", "E1", 800), ("98765/01/2", "E2", 85)]
    parts = detail("E1", "8.00") + detail("E2", "0.80")
    [day] = camt053.read(_document(version, _entry(version, parts)))
    assert [(b.ref, b.end_to_end, b.amount_fen) for b in day.bookings] == [("98765/01", "", 885)]


_GOOD = _document("08", _entry("08", ""))
REFUSED: Mapping[str, tuple[bytes, str]] = {
    "totals": (_document("08", _entry("08", ""), closing="8.84"), "totals"),
    "currency": (_GOOD.replace(b"CNY", b"EUR"), "malformed"),
    "one page of several": (
        _document("08", "", page="<StmtPgntn><LastPgInd>false</LastPgInd></StmtPgntn>"),
        "malformed",
    ),
    "a DTD": (b'<!DOCTYPE d [<!ENTITY e "x">]>' + _GOOD, "malformed"),
    "another message": (_GOOD.replace(b"camt.053", b"camt.054"), "malformed"),
    "no balance": (_GOOD.replace(b"CLBD", b"CLAV"), "malformed"),
    "no XML": (b"%PDF-1.7", "malformed"),
    "cut": (_GOOD[:-30], "malformed"),
    "no amount": (_GOOD.replace(b"8.85", b"eight"), "malformed"),
    "no statement": (_GOOD.replace(b"Stmt>", b"Rpt>"), "malformed"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_believed(name: str) -> None:
    body, reason = REFUSED[name]
    with pytest.raises(StatementRefused) as refused:
        camt053.read(body)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("name", "booking"),
    [
        ("camt053.v2.multi.statement.xml", ("000000002", "Company Name 2", -700)),
        ("camt053.v4.xml", ("", "NAME NAME", 885)),
        ("camt053.v8.xml", ("MUELL/FINP/RA12345", "NAME NAME", 885)),
    ],
)
def test_published_samples(name: str, booking: tuple[str, str, int]) -> None:
    """github.com/genkgo/camt, test/data; in yuan, which is all that is changed in them."""
    body = re.sub(rb'Ccy="[A-Z]{3}"', b'Ccy="CNY"', _foreign(name))
    day = camt053.parse(body)[-1]
    told = [(b.end_to_end, b.party, b.amount_fen) for b in day.bookings]
    assert told == [booking]


def _orders() -> bytes:
    payees = FINANCE.payees
    orders = [
        pain.Order("a" * 32 + "-1", 12345, payees["water"], "water 2026-11-20"),
        pain.Order("b" * 32 + "-12", 5, payees["non-tax"], "non-tax"),
    ]
    at = datetime(2026, 11, 21, 2, 40, tzinfo=UTC)
    return pain.write_orders("c" * 32, FINANCE.own, orders, at=at, on=DAY)


def test_orders_are_written_as_the_schema_has_them() -> None:
    """The schema pain.001.001.09.xsd as raphaelm/python-sepaxml publishes it."""
    schema = etree.XMLSchema(etree.fromstring(_foreign("pain.001.001.09.xsd")))
    schema.assertValid(etree.fromstring(_orders()))


def test_the_sandbox_bank_writes_statements_as_the_schema_has_them() -> None:
    """The schema camt.053.001.08.xsd as genkgo/camt publishes it."""
    schema = etree.XMLSchema(etree.fromstring(_foreign("camt.053.001.08.xsd")))
    booked = [
        bank.settled("S1", 2394),
        bank.paid("P1", -500, "x"),
        bank.returned("R1", 500, "x"),
        bank.charged("C1", -50),
        bank.unknown("U1", 7),
    ]
    schema.assertValid(etree.fromstring(bank.statement(DAY, -100, booked)))


def test_orders_say_who_is_paid_what() -> None:
    text = _orders().decode()
    for part in ("<CtrlSum>123.50</CtrlSum>", '<InstdAmt Ccy="CNY">0.05</InstdAmt>', "非税收入"):
        assert part in text, part


def _answer(group: str, rows: str = "") -> bytes:
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>'
        "<OrgnlGrpInfAndSts><OrgnlMsgId>M1</OrgnlMsgId>"
        f"<GrpSts>{group}</GrpSts></OrgnlGrpInfAndSts>"
        f"<OrgnlPmtInfAndSts>{rows}</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
    ).encode()


def test_answers_to_orders() -> None:
    row = (
        "<TxInfAndSts><OrgnlEndToEndId>E1</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn>"
        "<Cd>AC01</Cd></Rsn><AddtlInf>账号不存在</AddtlInf></StsRsnInf></TxInfAndSts>"
    )
    told = pain.read_answer(_answer("PART", row))
    assert (told.order_ref, told.status) == ("M1", "PART")
    assert told.orders == {"E1": ("RJCT", "AC01 账号不存在")}
    for wrong in (b"", b"<a/>", _answer("ACSP").replace(b"M1", b""), _GOOD):
        with pytest.raises(ValueError):
            pain.read_answer(wrong)


def test_end_to_end_numbers() -> None:
    transfer = UUID(int=7)
    number = end_to_end(transfer, 12)
    assert len(number) <= 35 and transfer_of(number) == transfer
    for other in ("", "NOTPROVIDED", transfer.hex, f"{transfer.hex}-x", "z" * 32 + "-1"):
        assert transfer_of(other) is None


def test_every_account_has_a_subject_and_every_psp_an_account() -> None:
    assert set(CHART) <= FINANCE.subjects.keys()
    assert FINANCE.subject_of("payee:non-tax").code != FINANCE.subject_of("payee:water").code
    assert FINANCE.find_psp(bank.WECHAT_PAY.number) == "wechatpay"
    assert FINANCE.find_psp(bank.ALIPAY.number) == "alipay"
    assert FINANCE.find_psp("") is None


def test_finance_data_that_is_incomplete_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "finance.toml"
    with pytest.raises(CityFileError, match="no finance data"):
        load_finance(path)
    text = (ROOT / "cities/jinan/finance.toml").read_text(encoding="utf-8")
    path.write_text(text.replace('account = "psp"', 'account = "other"'), encoding="utf-8")
    with pytest.raises(CityFileError, match="no subject for psp"):
        load_finance(path)
