"""A statement as the bank writes it: camt.053.001.08."""

from collections.abc import Sequence
from datetime import date
from xml.sax.saxutils import escape

from core.money import format_yuan
from sandbox.systems.settlement_bank.account import NUMBER, Movement

_HOLDER = "市政务服务缴费专户"


def statement(day: date, opening_fen: int, booked: Sequence[Movement], at: str) -> str:
    """A day's statement."""
    closing_fen = opening_fen + sum(movement.amount_fen for movement in booked)
    entries = "".join(_entry(day, movement) for movement in booked)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>MS{day:%Y%m%d}</MsgId><CreDtTm>{at}</CreDtTm></GrpHdr>"
        f"<Stmt><Id>ST{day:%Y%m%d}</Id><CreDtTm>{at}</CreDtTm>"
        f"<Acct><Id><Othr><Id>{NUMBER}</Id></Othr></Id><Ccy>CNY</Ccy>"
        f"<Ownr><Nm>{_HOLDER}</Nm></Ownr></Acct>"
        f"{_balance('OPBD', opening_fen, day)}{_balance('CLBD', closing_fen, day)}{entries}"
        "</Stmt></BkToCstmrStmt></Document>"
    )


def _balance(code: str, amount_fen: int, day: date) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_amount(amount_fen)}"
        f"<Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def _amount(amount_fen: int) -> str:
    side = "CRDT" if amount_fen >= 0 else "DBIT"
    yuan = format_yuan(abs(amount_fen))
    return f'<Amt Ccy="CNY">{yuan}</Amt><CdtDbtInd>{side}</CdtDbtInd>'


def _entry(day: date, m: Movement) -> str:
    domain, family, sub_family = m.code
    return (
        f"<Ntry>{_amount(m.amount_fen)}"
        + ("<RvslInd>true</RvslInd>" if m.is_return else "")
        + f"<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>"
        f"<AcctSvcrRef>{m.ref}</AcctSvcrRef><BkTxCd><Domn><Cd>{domain}</Cd><Fmly>"
        f"<Cd>{family}</Cd><SubFmlyCd>{sub_family}</SubFmlyCd></Fmly></Domn></BkTxCd>"
        f"<NtryDtls><TxDtls>{_refs(m)}{_amount(m.amount_fen)}{_parties(m)}"
        + (f"<RmtInf><Ustrd>{escape(m.text)}</Ustrd></RmtInf>" if m.text else "")
        + ("<RtrInf><Rsn><Cd>AC01</Cd></Rsn></RtrInf>" if m.is_return else "")
        + "</TxDtls></NtryDtls></Ntry>"
    )


def _refs(m: Movement) -> str:
    return f"<Refs><EndToEndId>{escape(m.end_to_end or 'NOTPROVIDED')}</EndToEndId></Refs>"


def _parties(m: Movement) -> str:
    """The other side: who paid us, or whom we paid, also of a payment that came back."""
    if not m.number:
        return ""
    side = "Dbtr" if m.amount_fen > 0 and not m.is_return else "Cdtr"
    return (
        f"<RltdPties><{side}><Pty><Nm>{escape(m.party)}</Nm></Pty></{side}>"
        f"<{side}Acct><Id><Othr><Id>{m.number}</Id></Othr></Id></{side}Acct></RltdPties>"
    )
