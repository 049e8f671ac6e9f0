"""An application at one bank: its states, the bank's answers, what the bank sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from core.states import Edge, StateMachine
from core.texts import Named
from credit.lending.terms.cost_sheet import CostSheet
from credit.lending.terms.money_terms import RepaymentForm


class ApplicationState(StrEnum):
    """Where an application at a bank stands. RECEIVED: the bank decides. OFFERED: the owner does.
    ACCEPTED: to be signed. SIGNED: the bank pays out. DISBURSED: paid out. REFUSED: by the bank.
    DECLINED: by the owner. EXPIRED: an offer whose time is over. WITHDRAWN: taken back.
    """

    RECEIVED = "RECEIVED"
    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    SIGNED = "SIGNED"
    DISBURSED = "DISBURSED"
    REFUSED = "REFUSED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


_S = ApplicationState
APPLICATION = StateMachine(
    name="application at a bank",
    table="lending_application",
    column="state",
    initial=(_S.RECEIVED,),
    edges=(
        Edge(_S.RECEIVED, "offer", _S.OFFERED),
        Edge(_S.RECEIVED, "refuse", _S.REFUSED),
        Edge(_S.RECEIVED, "withdraw", _S.WITHDRAWN),
        Edge(_S.REFUSED, "reopen", _S.RECEIVED),
        Edge(_S.OFFERED, "accept", _S.ACCEPTED),
        Edge(_S.OFFERED, "decline", _S.DECLINED),
        Edge(_S.OFFERED, "expire", _S.EXPIRED),
        Edge(_S.OFFERED, "withdraw", _S.WITHDRAWN),
        Edge(_S.ACCEPTED, "sign", _S.SIGNED),
        Edge(_S.ACCEPTED, "withdraw", _S.WITHDRAWN),
        Edge(_S.SIGNED, "disburse", _S.DISBURSED),
        Edge(_S.SIGNED, "withdraw", _S.WITHDRAWN),
    ),
)


@dataclass(frozen=True, slots=True)
class RefusalReason:
    """Why a bank refuses, and what would help."""

    code: Annotated[str, "A stable code."]
    title: Annotated[Named, "Why."]
    advice: Annotated[Named, "What would help."]


REASONS: Mapping[str, RefusalReason] = {
    reason.code: reason
    for reason in (
        RefusalReason(
            "POLICY",
            Named("未达该行准入规则", "Outside the bank's rules"),
            Named("按评估理由改善后再次申请", "See the reasons and what would change them"),
        ),
        RefusalReason(
            "TURNOVER_LOW",
            Named("经营规模与申请金额不匹配", "The turnover does not carry the amount"),
            Named("降低申请金额后再次申请", "Apply for a smaller amount"),
        ),
        RefusalReason(
            "TAX_RECORD",
            Named("纳税信用等级或申报记录不符合要求", "The tax grade or record falls short"),
            Named("按时申报满十二个月后再次申请", "Apply again after twelve months of due returns"),
        ),
        RefusalReason(
            "TOO_YOUNG",
            Named("企业成立时间不足", "The company has not existed long enough"),
            Named("成立满一年后再次申请", "Apply again a year after registration"),
        ),
        RefusalReason(
            "COURT_RECORD",
            Named("存在涉诉或被执行记录", "There are court cases or enforcement"),
            Named("案件履行完毕后再次申请", "Apply again once the case is settled"),
        ),
        RefusalReason(
            "EXISTING_DEBT",
            Named("现有负债较高", "There is much debt already"),
            Named("偿还部分现有债务后再次申请", "Apply again after repaying part of it"),
        ),
        RefusalReason(
            "PURPOSE",
            Named("资金用途不符合产品要求", "The purpose does not fit the product"),
            Named("选择与用途相符的产品", "Choose a product for this purpose"),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Approval:
    """A bank's offer: an amount at the reference rate and a margin, open until a day."""

    amount_fen: int
    months: int
    form: RepaymentForm
    margin_bps: int
    valid_until: date


@dataclass(frozen=True, slots=True)
class Refusal:
    """A bank's refusal, with a code of `REASONS`."""

    reason: str


Decision = Approval | Refusal


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer as it was made, with what it costs if it were paid out on that day."""

    amount_fen: Annotated[int, "What would be lent."]
    months: Annotated[int, "For how many months."]
    form: Annotated[RepaymentForm, "How it is repaid."]
    reference: Annotated[str, "The published rate it is told against."]
    reference_bps: Annotated[int, "That rate when the offer was made, in basis points."]
    margin_bps: Annotated[int, "What comes on top, or off, in basis points."]
    valid_until: Annotated[date, "The last day on which it can be accepted."]
    instalments: Annotated[int, "How many payments."]
    first_fen: Annotated[int, "The first payment."]
    last_fen: Annotated[int, "The last payment."]
    costs: Annotated[CostSheet, "What it costs in all."]

    @property
    def rate_bps(self) -> int:
        """The contract's annual rate."""
        return self.reference_bps + self.margin_bps


@dataclass(frozen=True, slots=True)
class Facts:
    """What one source said of the company: `status` is one of credit.api.STATUSES."""

    source: str
    status: str
    values: Mapping[str, float | int | str]


@dataclass(frozen=True, slots=True)
class ApplicationView:
    """An application as its bank sees it: of facts only what the company consents to, now."""

    id: UUID
    no: str
    state: ApplicationState
    sequence: int
    company_name: str
    uscc: str
    product: str
    product_version: int
    amount_fen: int
    months: int
    form: RepaymentForm
    purpose: str
    facts: Sequence[Facts]
    wanted: str | None
    refusal: str | None
    offer: Offer | None
    loan_id: UUID | None
    created_at: datetime
    changed_at: datetime
    advice: Mapping[str, Any] | None
    """What the engine advised, in its plain form; None where no model has looked at it."""
