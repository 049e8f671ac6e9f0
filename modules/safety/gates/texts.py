"""The words of school gates."""

from core.texts import Text
from modules.safety.gates.domain import AlarmKind, Direction

BATCH_INVALID = Text("BATCH_INVALID", "报文格式不正确:{detail}", "The batch is malformed: {detail}")
CLOCK_WRONG = Text(
    "CLOCK_WRONG",
    "设备时钟与标准时间相差超过一天,请校时",
    "The gate's clock is wrong by more than a day: set it",
)
TOO_MANY_CHILDREN = Text(
    "TOO_MANY_CHILDREN", "最多可关注 {limit} 个孩子", "At most {limit} children can be followed"
)
TOO_MANY_LEAVES = Text(
    "TOO_MANY_LEAVES", "请假记录最多 {limit} 条", "At most {limit} leaves can be filed"
)
LEAVE_DAYS = Text(
    "LEAVE_DAYS",
    "请假须从今天或以后开始,最长 {most} 天",
    "A leave begins today or later and lasts at most {most} days",
)
YOUR_CHILD = Text("YOUR_CHILD", "您的孩子", "Your child")

PASSED_TITLE = {
    Direction.IN: Text("ENTERED_TITLE", "{child}已进校", "{child} has entered school"),
    Direction.OUT: Text("LEFT_TITLE", "{child}已离校", "{child} has left school"),
}
PASSED_BODY = {
    Direction.IN: Text(
        "ENTERED_BODY", "{child}于 {at} 进入{school}。", "{child} entered {school} at {at}."
    ),
    Direction.OUT: Text(
        "LEFT_BODY", "{child}于 {at} 离开{school}。", "{child} left {school} at {at}."
    ),
}
LATE_BODY = {
    Direction.IN: Text(
        "ENTERED_LATE_BODY",
        "【迟到的消息】{child}已于 {at} 进入{school},学校门禁刚刚补报。",
        "Late news: {child} entered {school} at {at}; the school's gate has only just said so.",
    ),
    Direction.OUT: Text(
        "LEFT_LATE_BODY",
        "【迟到的消息】{child}已于 {at} 离开{school},学校门禁刚刚补报。",
        "Late news: {child} left {school} at {at}; the school's gate has only just said so.",
    ),
}
RELIEVED_BODY = Text(
    "ENTERED_AFTER_ALARM_BODY",
    "此前的未到校提醒解除:{child}已于 {at} 进入{school}。",
    "The alarm is withdrawn: {child} entered {school} at {at}.",
)
_NOT_KNOWN = Text(
    "SCHOOL_SILENT_TITLE", "无法确认{child}是否到校", "Whether {child} has arrived is not known"
)
ALARM_TITLE = {
    AlarmKind.ABSENT: Text("ABSENT_TITLE", "{child}尚未到校", "{child} has not arrived at school"),
    AlarmKind.SCHOOL_SILENT: _NOT_KNOWN,
    AlarmKind.HOURS_UNKNOWN: _NOT_KNOWN,
}
ALARM_BODY = {
    AlarmKind.ABSENT: Text(
        "ABSENT_BODY",
        "截至 {by},{school}没有{child}的进校记录,也没有请假。请与老师联系。",
        "By {by} {school} has not seen {child} enter, and no leave was filed. Please call its "
        "teacher.",
    ),
    AlarmKind.SCHOOL_SILENT: Text(
        "SCHOOL_SILENT_BODY",
        "截至 {by},{school}的门禁没有传来数据,{child}是否到校无法确认。恢复后会补发。",
        "By {by} the gates of {school} have sent nothing, so whether {child} has arrived is not "
        "known. You will be told once they do.",
    ),
    AlarmKind.HOURS_UNKNOWN: Text(
        "HOURS_UNKNOWN_BODY",
        "截至 {by},教育部门登记的{school}作息信息无法读取,{child}是否到校无法确认。请与老师联系。",
        "By {by} what the education bureau has registered of {school} could not be read, so "
        "whether {child} has arrived is not known. Please call its teacher.",
    ),
}
LEAVE_TITLE = Text("LEAVE_FILED_TITLE", "{child}已请假", "A leave was filed for {child}")
LEAVE_BODY = Text(
    "LEAVE_FILED_BODY",
    "此前的未到校提醒解除:监护人已为{child}请假。",
    "The alarm is withdrawn: a guardian has filed a leave for {child}.",
)
