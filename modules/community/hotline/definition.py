"""Service 36: a request to the 12345 hotline, on its way from the desk to a reply that satisfies.

Which classes and limits there are is the city's: its file names the regulations.
"""

from core.texts import Named
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
from kinds.application.versions import Application

_OPEN = ("filed", "handling", "asked", "replied")

HOTLINE = Application(
    Definition(
        service="hotline-12345",
        title=Named("12345诉求", "12345 request"),
        number=Numbering("12345", digits=6),
        categories=(
            Choice("CONSULTATION", Named("咨询", "Question")),
            Choice("HELP", Named("求助", "Request for help")),
            Choice("SUGGESTION", Named("建议", "Suggestion")),
            Choice("COMPLAINT", Named("投诉", "Complaint")),
            Choice("REPORT", Named("举报", "Report of a violation")),
        ),
        form=(
            Field("subject", Named("标题", "Subject"), least=2, most=60),
            Field("content", Named("诉求内容", "What it is about"), FieldType.PARAGRAPH,
                  least=5, most=2000),
            Field("place", Named("发生地点", "Where"), required=False, most=120),
            Field("occurred_on", Named("发生日期", "When"), FieldType.DATE, required=False),
            Field("phone", Named("联系电话", "Phone for questions"), FieldType.MOBILE,
                  prefill="phone"),
            Field("confidential", Named("对承办单位保密", "Keep my name from the unit"),
                  FieldType.FLAG, required=False),
        ),
        states=(
            State("filed", Named("待分派", "With the hotline's desk"), Turn.UNIT, unit="hotline"),
            State("handling", Named("办理中", "Being handled"), Turn.UNIT),
            State("asked", Named("待您补充说明", "Waiting for what you were asked"), Turn.CITIZEN,
                  lapse="close_unanswered"),
            State("replied", Named("已答复,请评价", "Answered: are you satisfied?"), Turn.CITIZEN,
                  lapse="close_unrated"),
            State("closed", Named("已办结", "Closed"), Turn.NOBODY),
            State("withdrawn", Named("已撤回", "Withdrawn"), Turn.NOBODY),
        ),
        steps=(
            Step("assign", ("filed",), "handling", Actor.OFFICER, Named("分派", "Assign"),
                 assigns=True, classifies=True),
            Step("answer", ("filed",), "replied", Actor.OFFICER,
                 Named("直接答复", "Answer at once"), note=True, classifies=True),
            Step("ask", ("handling",), "asked", Actor.OFFICER,
                 Named("请补充说明", "Ask the citizen"), note=True),
            Step("reply", ("handling",), "replied", Actor.OFFICER, Named("答复", "Reply"),
                 note=True),
            Step("explain", ("asked",), "handling", Actor.CITIZEN, Named("补充说明", "Explain"),
                 note=True),
            Step("satisfied", ("replied",), "closed", Actor.CITIZEN, Named("满意", "Satisfied")),
            Step("reopen", ("replied",), "handling", Actor.CITIZEN,
                 Named("不满意,请重办", "Not satisfied: handle it again"),
                 note=True, once=True, restarts=True),
            Step("unsatisfied", ("replied",), "closed", Actor.CITIZEN,
                 Named("不满意,不再重办", "Not satisfied: leave it")),
            Step("withdraw", _OPEN, "withdrawn", Actor.CITIZEN, Named("撤回", "Withdraw")),
            Step("close_unrated", ("replied",), "closed", Actor.SYSTEM,
                 Named("逾期未评价,自动办结", "Closed: no answer to the call-back")),
            Step("close_unanswered", ("asked",), "closed", Actor.SYSTEM,
                 Named("逾期未补充,自动办结", "Closed: what was asked was not answered")),
        ),
    ),
    hides_person="confidential",
)  # fmt: skip
