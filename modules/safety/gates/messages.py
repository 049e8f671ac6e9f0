"""What guardians are told of school gates: all of it is about a child's safety."""

from modules.safety.gates import texts
from modules.safety.gates.domain import AlarmKind, Direction
from notifications.api import MessageClass, Param, Template

_AT, _BY = {"at": Param.MOMENT}, {"by": Param.MOMENT}
_SAFETY = MessageClass.SAFETY

PASSED = {
    way: Template(
        f"safety.gate_{way.lower()}", texts.PASSED_TITLE[way], texts.PASSED_BODY[way],
        about=_SAFETY, params=_AT,
    )
    for way in Direction
}  # fmt: skip
LATE = {
    way: Template(
        f"safety.gate_{way.lower()}_late", texts.PASSED_TITLE[way], texts.LATE_BODY[way],
        about=_SAFETY, params=_AT,
    )
    for way in Direction
}  # fmt: skip
RELIEVED = Template(
    "safety.gate_in_after_alarm", texts.PASSED_TITLE[Direction.IN], texts.RELIEVED_BODY,
    about=_SAFETY, params=_AT,
)  # fmt: skip
ALARMED = {
    kind: Template(
        f"safety.gate_{kind.lower()}", texts.ALARM_TITLE[kind], texts.ALARM_BODY[kind],
        about=_SAFETY, params=_BY,
    )
    for kind in AlarmKind
}  # fmt: skip
ON_LEAVE = Template("safety.gate_on_leave", texts.LEAVE_TITLE, texts.LEAVE_BODY, about=_SAFETY)
TEMPLATES = (*PASSED.values(), *LATE.values(), *ALARMED.values())
