"""Service 5: the call-back on a poor rating. It has its own limits and ends with an answer.

Citizens do not open it: a grade of 1 or 2 does (`kinds/application/rating.py`).
"""

from core.texts import Named
from kinds.application.definition import (
    Actor,
    Definition,
    Field,
    FieldType,
    Numbering,
    State,
    Step,
    Turn,
)
from kinds.application.versions import Application

CALL_BACK = Application(
    Definition(
        service="gov-rating",
        title=Named("差评回访", "Call-back on a poor rating"),
        number=Numbering("HF", digits=6),
        form=(
            Field("case_no", Named("被评价的办件", "The case that was rated"), most=48),
            Field("grade", Named("评价等级", "The grade"), FieldType.NUMBER, least=1, most=5),
            Field("text", Named("评价内容", "What was said"), FieldType.PARAGRAPH,
                  required=False, most=500),
        ),
        states=(
            State("calling", Named("待回访", "You will be called back"), Turn.UNIT),
            State("mending", Named("整改中", "It is being put right"), Turn.UNIT),
            State("answered", Named("已答复", "Answered"), Turn.NOBODY),
        ),
        steps=(
            Step("call", ("calling",), "mending", Actor.OFFICER,
                 Named("已回访", "Called back"), note=True),
            Step("assign", ("mending",), "mending", Actor.OFFICER,
                 Named("转责任单位整改", "To the unit that has to put it right"), assigns=True),
            Step("answer", ("mending",), "answered", Actor.OFFICER,
                 Named("答复整改结果", "What was done about it"), note=True),
        ),
    ),
    calls_back=True,
)  # fmt: skip
