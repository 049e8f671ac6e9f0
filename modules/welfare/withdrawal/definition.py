"""Service 43: the application for a withdrawal, one item for each purpose.

The centre decides within three days of accepting, and the bank that it entrusts pays (article 25 of
the Regulations on the Administration of the Housing Provident Fund). What a form asks for is held
against the centre's own record when it is handed in. Money that a bank sends back puts the case to
its citizen again, who corrects the card.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from core.city import City
from core.context.call import Call
from core.errors import Unavailable
from core.ids import is_card_number
from core.money import format_yuan
from core.people.directory import get_person
from core.refusal_texts import UPSTREAM_UNAVAILABLE
from core.texts import Named
from core.upstream.readings import ReadStatus
from kinds.application.definition import (
    Actor,
    Definition,
    Field,
    FieldType,
    Material,
    Numbering,
    State,
    Step,
    Turn,
)
from kinds.application.form import Problem, problem_of
from kinds.application.versions import Application
from modules.welfare.withdrawal import texts
from modules.welfare.withdrawal.domain import CLOSES_ACCOUNT, WithdrawalPurpose
from modules.welfare.withdrawal.lookup import OPTIONS, SERVICE

_PERSON = (
    Field("name", Named("姓名", "Name"), most=50, prefill="name"),
    Field("resident_id", Named("证件号码", "Document number"), FieldType.DOCUMENT,
          prefill="document_no"),
    Field("phone", Named("联系电话", "Phone"), FieldType.MOBILE, prefill="phone"),
    Field("card_no", Named("本人收款银行卡号", "Your own bank card"), pattern="[0-9]{16,19}"),
)  # fmt: skip
_AMOUNT = Field("amount", Named("提取金额(元)", "Amount in yuan"), FieldType.NUMBER, least=1,
                most=10_000_000)  # fmt: skip
_PAPERS: Mapping[WithdrawalPurpose, Sequence[Material]] = {
    WithdrawalPurpose.RENT: (Material("lease", Named("租房合同", "Lease"), required=False),),
    WithdrawalPurpose.PURCHASE: (
        Material("contract", Named("购房合同或建房批准文件", "Contract or building permit")),
        Material("receipt", Named("付款凭证", "Proof of payment")),
    ),
    WithdrawalPurpose.LOAN: (Material("loan", Named("借款合同", "Loan contract")),),
    WithdrawalPurpose.RETIREMENT: (Material("retired", Named("退休证明", "Proof of retirement")),),
    WithdrawalPurpose.LEAVING: (
        Material("left", Named("离职证明或出境定居证明", "Proof of having left")),
    ),
    WithdrawalPurpose.ILLNESS: (
        Material("diagnosis", Named("诊断证明", "Diagnosis")),
        Material("costs", Named("医疗费用票据", "Medical bills")),
    ),
}


def check_card(
    _city: City, definition: Definition, form: Mapping[str, str], _today: date
) -> Sequence[Problem]:
    """A card's number carries a check digit (ISO/IEC 7812-1, annex B)."""
    card_no = form.get("card_no", "")
    if not card_no or is_card_number(card_no):
        return ()
    return [problem_of(definition, "card_no", texts.CARD_NUMBER)]


async def look(call: Call, definition: Definition, form: Mapping[str, str]) -> Sequence[Problem]:
    """All that the centre's record of this minute has against a form.

    Raises Forbidden CONSENT_REQUIRED, and Unavailable where the centre is silent: what an old
    record says is no ground to decide on.
    """
    reading = await OPTIONS.read(call)
    if reading.status is not ReadStatus.LIVE:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.CENTRE)
    field = "amount" if any(one.name == "amount" for one in definition.form) else "card_no"
    person = await get_person(call.app, call.subject_id)
    if form.get("resident_id", person.document_no) != person.document_no:
        return [problem_of(definition, "resident_id", texts.NOT_YOURS)]
    if reading.value is None:
        return [problem_of(definition, field, texts.NO_ACCOUNT)]
    options = reading.value.options
    option = next(one for one in options if one.purpose == definition.item)
    if option.reasons:
        return [problem_of(definition, field, one.text, **one.values) for one in option.reasons]
    amount = form.get("amount", "")
    if amount.isdecimal() and int(amount) * 100 > option.most_fen:
        most = format_yuan(option.most_fen)
        return [problem_of(definition, field, texts.TOO_MUCH, most=most)]
    return ()


async def of_purpose(_call: Call, base: Definition, item: str) -> Definition | None:
    """The definition of one purpose; None for an unknown one."""
    return definition_of(base, item) if item in list(WithdrawalPurpose) else None


def definition_of(base: Definition, item: str) -> Definition:
    """What all purposes have in common, with the form and papers of one."""
    purpose = WithdrawalPurpose(item)
    form = _PERSON if purpose in CLOSES_ACCOUNT else (*_PERSON, _AMOUNT)
    title = texts.TITLES[purpose]
    return replace(base, title=title, item=item, form=form, materials=_PAPERS[purpose])


WITHDRAWAL = Application(
    Definition(
        service=SERVICE,
        title=Named("住房公积金提取", "Withdrawal from the housing fund"),
        number=Numbering("GJJTQ", digits=6),
        exclusive=True,
        form=_PERSON,
        states=(
            State("draft", Named("待提交", "To be submitted"), Turn.CITIZEN, lapse="forget"),
            State("filed", Named("审核中", "Being examined"), Turn.UNIT),
            State("missing", Named("待补正", "Something is missing"), Turn.CITIZEN,
                  lapse="give_up"),
            State("paying", Named("付款中", "Being paid"), Turn.UNIT,
                  outside=("confirm_payment", "return_payment")),
            State("paid", Named("已到账", "Paid"), Turn.NOBODY),
            State("refused", Named("不准提取", "Refused"), Turn.NOBODY),
            State("withdrawn", Named("已撤回", "Withdrawn"), Turn.NOBODY),
        ),
        steps=(
            Step("submit", ("draft",), "filed", Actor.CITIZEN, Named("提交", "Submit"),
                 fills=True),
            Step("grant", ("filed",), "paying", Actor.OFFICER, Named("准予提取", "Grant")),
            Step("ask", ("filed",), "missing", Actor.OFFICER,
                 Named("一次性告知补正", "Ask for what is missing"), note=True, asks=True),
            Step("refuse_withdrawal", ("filed",), "refused", Actor.OFFICER,
                 Named("不准提取", "Refuse"), note=True),
            Step("resubmit", ("missing",), "filed", Actor.CITIZEN,
                 Named("提交补正", "Hand in what was missing"), fills=True),
            Step("withdraw", ("draft", "filed", "missing"), "withdrawn", Actor.CITIZEN,
                 Named("撤回", "Withdraw")),
            Step("confirm_payment", ("paying",), "paid", Actor.SYSTEM, Named("到账", "Paid")),
            Step("return_payment", ("paying",), "missing", Actor.SYSTEM,
                 Named("付款退回", "The payment came back")),
            # where the centre is silent for good, or cannot be asked of who has died, an officer
            # looks at the bank
            Step("confirm_by_hand", ("paying",), "paid", Actor.OFFICER,
                 Named("人工核实已到账", "Confirm the payment by hand"), note=True),
            Step("return_by_hand", ("paying",), "missing", Actor.OFFICER,
                 Named("人工核实付款退回", "Note by hand that the payment came back"), note=True),
            Step("forget", ("draft",), "withdrawn", Actor.SYSTEM,
                 Named("逾期未提交", "Not submitted in time")),
            Step("give_up", ("missing",), "withdrawn", Actor.SYSTEM,
                 Named("逾期未补正", "Nothing was handed in")),
        ),
    ),
    rule=check_card,
    look=look,
    for_item=of_purpose,
)  # fmt: skip
