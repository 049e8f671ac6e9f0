"""Service 62: an application for a loan, from the form until the money is there.

One case goes to one or two banks. What the banks answer, and what the owner accepts and signs,
arrives through lending (`outside`); the engine keeps whose turn it is and every limit. A refusal
is not the end: the owner may have a person look again (PIPL art. 24).
"""

from collections.abc import Mapping, Sequence
from datetime import date

from core.city import City
from core.context.call import Call
from core.ids import is_uscc
from core.security.authorization import Scope
from core.texts import Named
from credit.lending.companies import service as companies
from credit.lending.products.domain import MOST_FEN
from credit.lending.records import store, texts
from credit.lending.terms.money_terms import RepaymentForm
from kinds.application.definition import (
    Actor,
    Choice,
    Definition,
    Field,
    FieldType,
    Numbering,
    State,
    Step,
    Turn,
)
from kinds.application.form import Problem, problem_of
from kinds.application.versions import Application

SERVICE = "loan-apply"
BANKS_MOST = 2
_FEN = 100
FORM_TITLES: Mapping[RepaymentForm, Named] = {
    RepaymentForm.EQUAL_INSTALMENT: Named("等额本息", "Equal instalments"),
    RepaymentForm.EQUAL_PRINCIPAL: Named("等额本金", "Equal principal"),
    RepaymentForm.INTEREST_FIRST: Named("先息后本", "Interest first, principal at the end"),
    RepaymentForm.BULLET: Named("到期一次还本付息", "All at the end"),
}


def check_loan(
    city: City, definition: Definition, form: Mapping[str, str], today: date
) -> Sequence[Problem]:
    """What is asked beyond the fields: a code that checks (GB 32100), each product once."""
    problems = []
    if form.get("uscc") and not is_uscc(form["uscc"]):
        problems.append(problem_of(definition, "uscc", texts.USCC_INVALID))
    if form.get("second_product") and form["second_product"] == form.get("product"):
        problems.append(problem_of(definition, "second_product", texts.SAME_PRODUCT))
    return problems


async def ask_register(
    call: Call, definition: Definition, form: Mapping[str, str]
) -> Sequence[Problem]:
    """What the register of now has against whoever hands in an application: a representative of
    then may be none any more. Raises Unavailable while the register is silent, RateLimited."""
    company = await store.find_by_uscc(form.get("uscc", ""))
    if company is None:
        return ()  # `routing` says so
    member = await store.find_member(company.id, call.subject_id)
    if member is None:
        return ()
    objection = await companies.find_objection(call, company, member)
    return () if objection is None else [problem_of(definition, "uscc", objection)]


def products_of(form: Mapping[str, str]) -> list[str]:
    """The codes of the products applied for."""
    return [form[name] for name in ("product", "second_product") if form.get(name)]


def amount_of(form: Mapping[str, str]) -> int:
    """The amount applied for, in fen; the form has yuan."""
    return int(form["amount_yuan"]) * _FEN


LOAN = Application(
    Definition(
        service=SERVICE,
        title=Named("融资申请", "Application for a loan"),
        number=Numbering("RZ", digits=6),
        form=(
            Field("uscc", Named("统一社会信用代码", "Unified social credit code"),
                  pattern="[0-9A-HJ-NPQRTUWXY]{18}"),
            Field("product", Named("申请的产品", "Product"), most=64, pattern="[a-z0-9-]{3,64}"),
            Field("second_product", Named("同时申请的另一产品", "A product of another bank"),
                  most=64, pattern="[a-z0-9-]{3,64}", required=False),
            Field("amount_yuan", Named("申请金额(元)", "Amount in yuan"), FieldType.NUMBER,
                  least=1_000, most=MOST_FEN // _FEN),
            Field("months", Named("期限(月)", "Months"), FieldType.NUMBER, least=1, most=360),
            Field("form", Named("还款方式", "Repayment"), FieldType.CHOICE, options=tuple(
                Choice(form, title) for form, title in FORM_TITLES.items()
            )),
            Field("purpose", Named("资金用途", "Purpose"), FieldType.PARAGRAPH, least=4, most=300),
        ),
        states=(
            State("draft", Named("待提交", "To be submitted"), Turn.CITIZEN, lapse="forget"),
            State("checking", Named("核验中", "Being checked"), Turn.UNIT,
                  outside=("send_back", "refer", "route", "decline_by_rule")),
            State("review", Named("人工复核中", "A person looks at it"), Turn.UNIT),
            State("routing", Named("转送银行中", "On its way to the banks"), Turn.UNIT,
                  outside=("route", "send_back", "not_sent")),
            State("with_banks", Named("银行审批中", "With the banks"), Turn.UNIT,
                  outside=("offer_made", "all_refuse")),
            State("offered", Named("待选择报价", "Offers to choose from"), Turn.CITIZEN,
                  lapse="expire", outside=("choose",)),
            State("chosen", Named("待签约", "To be signed"), Turn.CITIZEN, lapse="expire",
                  outside=("sign",)),
            State("signed", Named("待放款", "The bank pays out"), Turn.UNIT, outside=("pay_out",)),
            State("refused", Named("未获批准,可申请人工复核", "Refused; a person may look again"),
                  Turn.CITIZEN, lapse="close"),
            State("second_look", Named("人工再次审核", "A person looks again"), Turn.UNIT),
            State("disbursed", Named("已放款", "Paid out"), Turn.NOBODY),
            State("closed", Named("未获批准", "Refused"), Turn.NOBODY),
            State("declined", Named("已放弃报价", "The offers were declined"), Turn.NOBODY),
            State("expired", Named("逾期未办理", "Time is over"), Turn.NOBODY),
            State("withdrawn", Named("已撤回", "Withdrawn"), Turn.NOBODY),
        ),
        steps=(
            Step("submit", ("draft",), "checking", Actor.CITIZEN, Named("提交", "Submit"),
                 fills=True),
            Step("send_back", ("checking", "routing"), "draft", Actor.SYSTEM,
                 Named("退回补充", "Sent back")),
            Step("not_sent", ("routing",), "refused", Actor.SYSTEM,
                 Named("未能送银行", "Not sent to the banks again")),
            Step("refer", ("checking",), "review", Actor.SYSTEM,
                 Named("转人工复核", "Referred to a person")),
            Step("route", ("checking", "routing"), "with_banks", Actor.SYSTEM,
                 Named("送达银行", "Sent to the banks")),
            Step("decline_by_rule", ("checking",), "refused", Actor.SYSTEM,
                 Named("未达准入条件", "Outside the banks' rules")),
            Step("pass_on", ("review",), "routing", Actor.OFFICER,
                 Named("送银行", "Pass on to the banks"), note=True),
            Step("turn_down", ("review",), "refused", Actor.OFFICER,
                 Named("不予送审", "Turn down"), note=True),
            Step("offer_made", ("with_banks",), "offered", Actor.SYSTEM,
                 Named("银行报价", "A bank offers")),
            Step("all_refuse", ("with_banks",), "refused", Actor.SYSTEM,
                 Named("银行均未批准", "No bank offers")),
            Step("choose", ("offered",), "chosen", Actor.SYSTEM,
                 Named("接受报价", "An offer is accepted")),
            Step("sign", ("chosen",), "signed", Actor.SYSTEM, Named("签订合同", "Signed")),
            Step("pay_out", ("signed",), "disbursed", Actor.SYSTEM, Named("放款", "Paid out")),
            Step("ask_again", ("refused",), "second_look", Actor.CITIZEN,
                 Named("申请人工复核", "Ask a person to look again"), note=True, once=True),
            Step("overturn", ("second_look",), "routing", Actor.OFFICER,
                 Named("重新送银行", "To the banks again"), note=True, unlike="turn_down"),
            Step("uphold", ("second_look",), "closed", Actor.OFFICER,
                 Named("维持原结果", "Uphold"), note=True, unlike="turn_down"),
            Step("accept_refusal", ("refused",), "closed", Actor.CITIZEN,
                 Named("知悉并结束", "Accept and close")),
            Step("decline", ("offered", "chosen"), "declined", Actor.CITIZEN,
                 Named("放弃报价", "Decline the offers")),
            Step("withdraw", ("draft", "checking", "review", "routing", "with_banks"),
                 "withdrawn", Actor.CITIZEN, Named("撤回", "Withdraw")),
            Step("end_case", ("checking", "routing", "with_banks", "signed"), "withdrawn",
                 Actor.OFFICER, Named("终止办理", "End without a result"), note=True),
            Step("forget", ("draft",), "withdrawn", Actor.SYSTEM,
                 Named("逾期未提交", "Not submitted in time")),
            Step("expire", ("offered", "chosen"), "expired", Actor.SYSTEM,
                 Named("逾期未办理", "Time is over")),
            Step("close", ("refused",), "closed", Actor.SYSTEM,
                 Named("逾期未申请复核", "Nobody was asked to look again")),
        ),
    ),
    rule=check_loan,
    look=ask_register,
    scope=Scope.RISK_REVIEW,
)  # fmt: skip
