"""What the bank serves: it takes orders and answers them, and gives a day's statement."""

from datetime import date, timedelta
from xml.sax.saxutils import escape

from lxml import etree
from lxml.etree import _Element as Element
from starlette.requests import Request
from starlette.responses import Response

from core.money import parse_yuan
from sandbox.server.system import City
from sandbox.server.wire import Refusal, read_bytes
from sandbox.statements.days import parse_day
from sandbox.systems.settlement_bank import account, camt
from sandbox.systems.settlement_bank.account import NUMBER

SCHEMA = account.SCHEMA
_IN = "{urn:iso:std:iso:20022:tech:xsd:pain.001.001.09}"


async def send_orders(request: Request, city: City) -> Response:
    """Take a message of orders; one that was taken before is answered as it was."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(await read_bytes(request), parser)
    except etree.XMLSyntaxError:
        raise Refusal(400, "INVALID_REQUEST", "not XML") from None
    message_id = _text(root, f".//{_IN}GrpHdr/{_IN}MsgId")
    known = city.state.one("SELECT answer FROM bank_order WHERE message_id = ?", (message_id,))
    if known is None:
        with city.state.transaction():
            answer = _carry_out(city, root, message_id)
            city.state.run("INSERT INTO bank_order VALUES (?, ?)", (message_id, answer))
    else:
        answer = known["answer"]
    return Response(answer, media_type="application/xml")


async def statement(request: Request, city: City) -> Response:
    """A day's statement. Raises Refusal 404 NO_STATEMENT before it is made."""
    on = parse_day(request.path_params["day"])
    if on is None:
        raise Refusal(400, "INVALID_REQUEST", "the day must be yyyy-mm-dd")
    if not account.is_ready(city, on):
        raise Refusal(404, "NO_STATEMENT", "made at 9:00 the next day")
    opening_fen = account.balance_before(city, on)
    text = camt.statement(on, opening_fen, account.movements(city, on), city.timestamp())
    return Response(text, media_type="application/xml")


def _carry_out(city: City, root: Element, message_id: str) -> str:
    """Book what can be booked, today; returns the status report."""
    if _text(root, f".//{_IN}DbtrAcct/{_IN}Id/{_IN}Othr/{_IN}Id") != NUMBER:
        return _report(message_id, "RJCT", [], city.timestamp())
    statuses = []
    for row in root.iter(f"{_IN}CdtTrfTxInf"):
        number = _text(row, f"{_IN}CdtrAcct/{_IN}Id/{_IN}Othr/{_IN}Id")
        end_to_end = _text(row, f"{_IN}PmtId/{_IN}EndToEndId")
        refused = city.state.one("SELECT how FROM bank_refused WHERE number = ?", (number,))
        if refused is not None and refused["how"] == "refused":
            statuses.append((end_to_end, "RJCT"))
            continue
        returned_on = _day_after(city.today()) if refused is not None else None
        amount_fen = parse_yuan(_text(row, f"{_IN}Amt/{_IN}InstdAmt"))
        city.state.run(
            "INSERT INTO bank_transfer VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(end_to_end, amount_fen, _text(row, f"{_IN}Cdtr/{_IN}Nm"), number),
                *(_text(row, f"{_IN}RmtInf/{_IN}Ustrd"), city.today().isoformat(), returned_on),
            ),
        )
        statuses.append((end_to_end, "ACSP"))
    of_group = {status for _, status in statuses}
    group = of_group.pop() if len(of_group) == 1 else "PART"
    return _report(message_id, group, statuses, city.timestamp())


def _day_after(day: date) -> str:
    return (day + timedelta(days=1)).isoformat()


def _report(message_id: str, group: str, orders: list[tuple[str, str]], at: str) -> str:
    rows = "".join(
        f"<TxInfAndSts><OrgnlEndToEndId>{escape(number)}</OrgnlEndToEndId><TxSts>{status}</TxSts>"
        + ("<StsRsnInf><Rsn><Cd>AC01</Cd></Rsn><AddtlInf>账号不存在</AddtlInf></StsRsnInf>"
           if status == "RJCT" else "")
        + "</TxInfAndSts>"
        for number, status in orders
    )  # fmt: skip
    name = escape(message_id)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>'
        f"<GrpHdr><MsgId>ST{name[:30]}</MsgId><CreDtTm>{at}</CreDtTm></GrpHdr>"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{name}</OrgnlMsgId>"
        f"<OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId><GrpSts>{group}</GrpSts></OrgnlGrpInfAndSts>"
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{name}</OrgnlPmtInfId>{rows}</OrgnlPmtInfAndSts>"
        "</CstmrPmtStsRpt></Document>"
    )


def _text(element: Element, path: str) -> str:
    """The text of a part. Raises Refusal 400 where it is missing."""
    found = element.find(path)
    if found is None or not found.text:
        raise Refusal(400, "INVALID_REQUEST", f"no {path.replace(_IN, '')}")
    return str(found.text)
