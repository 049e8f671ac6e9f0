"""An objection to a recorded violation: an application on the engine, the violation its item.

Who does not agree with what a camera has recorded tells the traffic police, by their app too, and
those of the place look into it (Provisions on the Procedure for Handling Road Traffic Violations,
道路交通安全违法行为处理程序规定, Ministry of Public Security, text of 2020, article 5). They
remove the record in the situations of article 22, which are the grounds here; that of emergency
vehicles is no private owner's. An accepted violation is a decision, against which there is
administrative review.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from core.context.call import Call
from core.errors import Unavailable
from core.refusal_texts import UPSTREAM_UNAVAILABLE
from core.texts import Named
from core.upstream.readings import ReadStatus
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
from modules.mobility.objections import texts
from modules.mobility.violations.lookup import SERVICE, VIOLATIONS

GROUNDS = (
    Choice("RESCUE", Named("救助危难或者紧急避险", "Help in danger, or an emergency")),
    Choice("STOLEN", Named("机动车被盗抢期间发生", "The car had been stolen")),
    Choice("CLONED_PLATE", Named("号牌被他人冒用", "Somebody else used the number plate")),
    Choice("HANDLED", Named("已在现场被交通警察处理", "An officer dealt with it on the spot")),
    Choice("SIGNALS", Named("交通信号指示不一致", "The signals contradicted each other")),
    Choice("UNCLEAR", Named("记录资料不清晰", "The record does not show it clearly")),
    Choice("WRONG_ENTRY", Named("信息录入错误", "It was entered wrongly")),
    Choice("OTHER", Named("其他应当消除的情形", "Another ground for removal")),
)
_NUMBER = re.compile(r"[A-Z0-9]{1,32}")


async def look(call: Call, definition: Definition, _form: Mapping[str, str]) -> Sequence[Problem]:
    """What the police's record of this minute has against an objection.

    Raises Forbidden CONSENT_REQUIRED, and Unavailable where the police are silent, or what they
    say of it cannot be read.
    """
    reading = await VIOLATIONS.read(call)
    if reading.status is not ReadStatus.LIVE or reading.value is None:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.POLICE)
    open_ = (one for one in reading.value.unsettled if one.violation_no == definition.item)
    violation = next(open_, None)
    if violation is None and reading.value.unreadable:  # it may be among those
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.POLICE)
    if violation is None:
        return [problem_of(definition, "ground", texts.UNKNOWN)]
    if not violation.may_object:
        return [problem_of(definition, "ground", texts.ACCEPTED)]
    return ()


async def of_violation(_call: Call, base: Definition, item: str) -> Definition | None:
    """The definition for one violation; None for what is no number of one."""
    return replace(base, item=item) if _NUMBER.fullmatch(item) else None


OBJECTION = Application(
    Definition(
        service=SERVICE,
        title=Named("交通违法异议申请", "Objection to a traffic violation"),
        number=Numbering("WFYY", digits=6),
        exclusive=True,
        form=(
            Field("name", Named("姓名", "Name"), most=50, prefill="name"),
            Field("resident_id", Named("证件号码", "Document number"), FieldType.DOCUMENT,
                  prefill="document_no"),
            Field("phone", Named("联系电话", "Phone"), FieldType.MOBILE, prefill="phone"),
            Field("ground", Named("异议理由", "Ground"), FieldType.CHOICE, options=GROUNDS),
            Field("facts", Named("事实说明", "What happened"), FieldType.PARAGRAPH,
                  most=500),
        ),
        materials=(Material("proof", Named("证明材料", "Evidence"), required=False),),
        states=(
            State("draft", Named("待提交", "To be submitted"), Turn.CITIZEN, lapse="forget"),
            State("filed", Named("核查中", "Being looked into"), Turn.UNIT),
            State("missing", Named("待补充材料", "Something is missing"), Turn.CITIZEN,
                  lapse="give_up"),
            State("removing", Named("异议成立,消除中", "Sustained, being removed"), Turn.UNIT,
                  outside=("confirm_removal", "refuse_removal")),
            State("removed", Named("违法记录已消除", "The record is removed"), Turn.NOBODY),
            State("rejected", Named("异议不成立", "Rejected"), Turn.NOBODY),
            State("withdrawn", Named("已撤回", "Withdrawn"), Turn.NOBODY),
        ),
        steps=(
            Step("submit", ("draft",), "filed", Actor.CITIZEN, Named("提交", "Submit"),
                 fills=True),
            Step("sustain", ("filed",), "removing", Actor.OFFICER, Named("异议成立", "Sustain")),
            Step("reject", ("filed",), "rejected", Actor.OFFICER,
                 Named("异议不成立", "Reject"), note=True),
            Step("ask", ("filed",), "missing", Actor.OFFICER,
                 Named("要求补充材料", "Ask for evidence"), note=True, asks=True),
            Step("resubmit", ("missing",), "filed", Actor.CITIZEN,
                 Named("补充提交", "Hand in what was missing"), fills=True),
            Step("withdraw", ("draft", "filed", "missing"), "withdrawn", Actor.CITIZEN,
                 Named("撤回", "Withdraw")),
            Step("confirm_removal", ("removing",), "removed", Actor.SYSTEM,
                 Named("已消除", "Removed")),
            Step("refuse_removal", ("removing",), "rejected", Actor.SYSTEM,
                 Named("未能消除", "It could not be removed")),
            # where the police's system is silent for good, an officer looks there
            Step("confirm_by_hand", ("removing",), "removed", Actor.OFFICER,
                 Named("人工核实已消除", "Confirm the removal by hand"), note=True),
            Step("refuse_by_hand", ("removing",), "rejected", Actor.OFFICER,
                 Named("人工核实未能消除", "Note by hand that it was not removed"), note=True),
            Step("forget", ("draft",), "withdrawn", Actor.SYSTEM,
                 Named("逾期未提交", "Not submitted in time")),
            Step("give_up", ("missing",), "withdrawn", Actor.SYSTEM,
                 Named("逾期未补充", "Nothing was handed in")),
        ),
    ),
    look=look,
    for_item=of_violation,
)  # fmt: skip
