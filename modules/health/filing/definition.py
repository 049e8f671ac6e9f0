"""Service 32: the filing that lets the insurance pay a hospital elsewhere directly.

The rule is the code of procedure annexed to 医保发〔2022〕22号 (National Healthcare Security
Administration and Ministry of Finance, in force since 1 January 2023). Who files: people who live
elsewhere for long, and people who are treated elsewhere for a time (article 7); what each hands in
(article 8); a filing made before the bill of a running stay counts for that stay (article 16), so
it may begin in the past. An emergency counts as filed (articles 8 and 34): it is accepted at once
and no officer decides. The notice itself (part 2) says how long a filing holds: without an end for
those who live elsewhere, for half a year at least for those who are treated for a time.

Each kind is an item of its own, so a person has at most one of a kind under way. The identity card
is not asked for again: the service needs a verified name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from core.city import City
from core.clock import parse_date
from core.context.call import Call
from core.texts import Named, Text
from kinds.application.definition import (
    Actor,
    Choice,
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

IN_THE_CITY = Text(
    "FILING_IN_THE_CITY",
    "在本市就医无需备案",
    "Treatment in this city needs no filing",
)
STARTS_LATE = Text(
    "FILING_STARTS_LATE",
    "{title}晚于入院日期 {admitted_on},本次住院不在备案期内",
    "{title} is after {admitted_on}: the filing would not hold for this stay",
)
IN_THE_FUTURE = Text("FILING_IN_THE_FUTURE", "{title}不能晚于今天", "{title} is in the future")
WRONG_PROOF = Text(
    "FILING_WRONG_PROOF",
    "该证明材料不适用于所选人员类别,也可选择个人承诺",
    "This proof is not that of the chosen group; a signed promise serves as well",
)

LONG_TERM, REFERRAL, EMERGENCY, CANCEL = "LONG_TERM", "REFERRAL", "EMERGENCY", "CANCEL"
PROMISE = "PROMISE"
PROOFS = {"RETIRED": "REGISTER", "RESIDENT": "RESIDENCE", "WORKING": "WORK"}
"""The proof that goes with each group of article 7; a promise goes with all."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is a kind's own: its form, its papers, what its citizen reads once it is accepted."""

    title: Named
    form: Sequence[Field]
    accepted: Named
    materials: Sequence[Material] = ()
    at_once: bool = False
    """Accepted when it is submitted: no officer decides."""


_PERSON = (
    Field("name", Named("姓名", "Name"), most=50, prefill="name"),
    Field("resident_id", Named("证件号码", "Document number"), FieldType.DOCUMENT,
          prefill="document_no"),
    Field("phone", Named("联系电话", "Phone"), FieldType.MOBILE, prefill="phone"),
)  # fmt: skip
_PLACE = (
    *_PERSON,
    Field("scheme", Named("参保险种", "Insured as"), FieldType.CHOICE, options=(
        Choice("EMPLOYEE", Named("职工基本医疗保险", "An employee")),
        Choice("RESIDENT", Named("城乡居民基本医疗保险", "A resident")),
    )),
    # the places of the mainland alone settle with the insurance
    Field("place", Named("就医地行政区划代码", "Division code of the place"),
          pattern="[1-6][0-9]{5}"),
)  # fmt: skip
_PERIOD = (
    Field("starts_on", Named("备案起始日期", "The first day of the filing"), FieldType.DATE),
    Field("admitted_on", Named("入院日期(已入院未结算的)", "The day of admission, if in hospital"),
          FieldType.DATE, required=False),
)  # fmt: skip

KINDS: Mapping[str, Kind] = {
    LONG_TERM: Kind(
        Named("异地长期居住备案", "Filing: living elsewhere"),
        accepted=Named("备案有效,自起始日起长期有效", "Filed: in force from its first day on"),
        form=(
            *_PLACE,
            *_PERIOD,
            Field("group", Named("人员类别", "Group"), FieldType.CHOICE, options=(
                Choice("RETIRED", Named("异地安置退休人员", "Settled elsewhere in retirement")),
                Choice("RESIDENT", Named("异地长期居住人员", "Living elsewhere for long")),
                Choice("WORKING", Named("常驻异地工作人员", "Working elsewhere for long")),
            )),
            Field("proof", Named("证明方式", "Proof"), FieldType.CHOICE, options=(
                Choice("REGISTER", Named("户口簿", "Household register")),
                Choice("RESIDENCE", Named("长期居住证明", "Proof of residence")),
                Choice("WORK", Named("异地工作证明", "Proof of work there")),
                Choice(PROMISE, Named("个人承诺", "Signed promise")),
            )),
        ),
        materials=(
            Material("register", Named("户口簿首页和本人登记卡", "Household register"),
                     when=("proof", "REGISTER")),
            Material("residence", Named("长期居住证明", "Proof of residence"),
                     when=("proof", "RESIDENCE")),
            Material("work", Named("派出证明、异地单位证明或工作合同", "Proof of work there"),
                     when=("proof", "WORK")),
            Material("promise", Named("个人承诺书", "Signed promise"), when=("proof", PROMISE)),
        ),
    ),
    REFERRAL: Kind(
        Named("异地转诊备案", "Filing: referred elsewhere"),
        accepted=Named(
            "备案有效,自起始日起六个月", "Filed: in force for six months from its first day"
        ),
        form=(
            *_PLACE,
            *_PERIOD,
            Field("referred_by", Named("转出医疗机构", "The hospital that refers"), most=60),
            Field("hospital", Named("拟就诊医疗机构", "The hospital there"), most=60,
                  required=False),
        ),
        materials=(Material("referral", Named("转诊转院证明", "Letter of referral")),),
    ),
    EMERGENCY: Kind(
        Named("异地急诊抢救备案", "Filing: emergency elsewhere"),
        accepted=Named(
            "视同已备案,本次急诊抢救有效", "Counts as filed: in force for this emergency"
        ),
        form=(
            *_PLACE,
            Field("hospital", Named("就诊医疗机构", "The hospital there"), most=60),
            Field("treated_on", Named("急诊日期", "The day of the emergency"), FieldType.DATE),
        ),
        at_once=True,
    ),
    CANCEL: Kind(
        Named("取消异地就医备案", "Cancelling a filing"),
        accepted=Named("备案已取消", "The filing is cancelled"),
        form=(
            *_PERSON,
            Field("filing_no", Named("备案受理号", "Number of the filing"),
                  pattern="[0-9A-Z]{8,40}"),
            Field("reason", Named("取消原因", "Reason"), FieldType.PARAGRAPH, required=False),
        ),
    ),
}  # fmt: skip


def check_filing(
    city: City, definition: Definition, form: Mapping[str, str], today: date
) -> Sequence[Problem]:
    """What the rule asks beyond the fields: another city, days that agree, the right proof."""
    problems = []
    if form.get("place", "").startswith(city.division_code.rstrip("0")):
        problems.append(problem_of(definition, "place", IN_THE_CITY))
    for name in ("admitted_on", "treated_on"):
        day = _date(form.get(name, ""))
        if day is not None and day > today:
            problems.append(problem_of(definition, name, IN_THE_FUTURE))
    starts_on, admitted_on = (_date(form.get(n, "")) for n in ("starts_on", "admitted_on"))
    if starts_on is not None and admitted_on is not None and starts_on > admitted_on:
        problems.append(problem_of(definition, "starts_on", STARTS_LATE, admitted_on=admitted_on))
    proof = form.get("proof", PROMISE)
    if proof not in (PROMISE, PROOFS.get(form.get("group", ""), proof)):
        problems.append(problem_of(definition, "proof", WRONG_PROOF))
    return problems


def _date(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


async def of_kind(_call: Call, base: Definition, kind: str) -> Definition | None:
    """The definition of one kind; None for an unknown one."""
    return definition_of(base, kind) if kind in KINDS else None


def definition_of(base: Definition, name: str) -> Definition:
    """What all kinds have in common, with what is a kind's own."""
    kind = KINDS[name]
    states = [
        replace(state, title=kind.accepted) if state.name == "accepted" else state
        for state in base.states
        if not (kind.at_once and state.name in _DECIDED)
    ]
    names = {state.name for state in states}
    steps = [
        replace(step, target="accepted") if kind.at_once and step.event == "submit" else step
        for step in base.steps
    ]
    return replace(
        base,
        title=kind.title,
        item=name,
        form=kind.form,
        materials=kind.materials,
        states=states,
        steps=[
            replace(step, states=[one for one in step.states if one in names])
            for step in steps
            if names.intersection(step.states)
        ],
        limits={state: days for state, days in base.limits.items() if state in names},
    )


_DECIDED = ("filed", "missing", "refused")
"""The states of a kind that an officer decides."""

FILING = Application(
    Definition(
        service="remote-medical-filing",
        title=Named("异地就医备案", "Filing of treatment elsewhere"),
        number=Numbering("YDJY", digits=6),
        exclusive=True,
        form=_PERSON,
        states=(
            State("draft", Named("待提交", "To be submitted"), Turn.CITIZEN, lapse="forget"),
            State("filed", Named("审核中", "Being examined"), Turn.UNIT),
            State("missing", Named("待补正材料", "Papers are missing"), Turn.CITIZEN,
                  lapse="give_up"),
            State("accepted", Named("已备案", "Accepted"), Turn.NOBODY),
            State("refused", Named("不予备案", "Refused"), Turn.NOBODY),
            State("withdrawn", Named("已撤回", "Withdrawn"), Turn.NOBODY),
        ),
        steps=(
            Step("submit", ("draft",), "filed", Actor.CITIZEN, Named("提交", "Submit"),
                 fills=True),
            Step("accept", ("filed",), "accepted", Actor.OFFICER, Named("通过", "Accept")),
            Step("ask", ("filed",), "missing", Actor.OFFICER,
                 Named("一次性告知补正", "Ask for what is missing"), note=True, asks=True),
            Step("refuse_filing", ("filed",), "refused", Actor.OFFICER,
                 Named("不予备案", "Refuse"), note=True),
            Step("resubmit", ("missing",), "filed", Actor.CITIZEN,
                 Named("提交补正", "Hand in what was missing"), fills=True),
            Step("withdraw", ("draft", "filed", "missing"), "withdrawn", Actor.CITIZEN,
                 Named("撤回", "Withdraw")),
            Step("forget", ("draft",), "withdrawn", Actor.SYSTEM,
                 Named("逾期未提交", "Not submitted in time")),
            Step("give_up", ("missing",), "withdrawn", Actor.SYSTEM,
                 Named("逾期未补正", "Nothing was handed in")),
        ),
    ),
    rule=check_filing,
    for_item=of_kind,
)  # fmt: skip
