"""Every word of the engine itself that people read; a service's stand in its definition."""

from core.texts import Named, Text
from kinds.application.definition import AGREE, REFUSE, Definition
from notifications.api import Template

CASE_ENDED = Text("CASE_ENDED", "该办件已办结", "This case has ended")
NOT_YOUR_STEP = Text("NOT_YOUR_STEP", "此步骤不由您办理", "This step is not yours to take")
CASE_CHANGED = Text(
    "CASE_CHANGED",
    "您的表单刚刚有改动,请核对后重新提交",
    "Your form has changed just now: please look at it and hand it in again",
)
ITEM_NOT_ONLINE = Text(
    "ITEM_NOT_ONLINE",
    "该事项暂不能在线申请,请到窗口办理",
    "This cannot be applied for online at present: please apply at the counter",
)
ONCE_ONLY = Text("ONCE_ONLY", "此操作只能进行一次", "This can be done once only")
NOTE_REQUIRED = Text("NOTE_REQUIRED", "请说明理由", "Please give the reason")
NOTE_LONG = Text("NOTE_LONG", "说明最多 {most} 字", "At most {most} characters")
UNIT_UNKNOWN = Text("UNIT_UNKNOWN", "没有这个单位", "There is no such unit")
UNIT_NEEDED = Text("UNIT_NEEDED", "请选择承办单位", "Please choose the unit that is to handle it")
CATEGORY_UNKNOWN = Text("CATEGORY_UNKNOWN", "没有这个类别", "There is no such category")
TASK_CLOSED = Text("TASK_CLOSED", "该任务已结束", "This task is closed")
TASK_TAKEN = Text("TASK_TAKEN", "该任务由其他经办人办理", "Another officer has this task")
TASK_SUPERVISED = Text(
    "TASK_SUPERVISED", "督办任务请处理原任务", "To supervise, see to the task itself"
)
NOWHERE_TO_RETURN = Text(
    "NOWHERE_TO_RETURN", "该任务不是转来的,无法退回", "This task was not handed over to you"
)
FOUR_EYES = Text(
    "FOUR_EYES",
    "须由另一位经办人办理",
    "Another officer than the one before has to do this",
)
TOO_MANY_OPEN = Text(
    "TOO_MANY_OPEN",
    "您在办的件已达 {most} 件,请待其办结",
    "You have {most} open cases of this kind: please wait until one has ended",
)
ALREADY_OPEN = Text("ALREADY_OPEN", "您已有同一事项在办", "You have an open case for this already")
NUMBERS_USED_UP = Text(
    "NUMBERS_USED_UP", "今日受理号已用完,请明日再试", "No case numbers are left today"
)
FORM_INCOMPLETE = Text(
    "FORM_INCOMPLETE", "还有 {count} 处需要补正", "{count} things are still missing or wrong"
)
REASON_UNKNOWN = Text(
    "REASON_UNKNOWN",
    "只有预填的信息需要说明更正原因",
    "A reason is given for a field that was filled in, with its answer",
)
FIELD_MISSING = Text("FIELD_MISSING", "请填写{title}", "{title} is missing")
FIELD_INVALID = Text("FIELD_INVALID", "{title}填写有误", "{title} is not valid")
FIELD_LONG = Text("FIELD_LONG", "{title}最多 {most} 字", "{title}: at most {most} characters")
FIELD_UNKNOWN = Text("FIELD_UNKNOWN", "表单中没有{name}", "The form has no field {name}")
FILE_EMPTY = Text("FILE_EMPTY", "文件为空", "The file is empty")
FILE_LARGE = Text("FILE_LARGE", "文件不能超过 {most} MB", "A file has at most {most} MB")
FILE_TYPE = Text(
    "FILE_TYPE",
    "只能上传可以打开的 JPEG、PNG 图片或 PDF 文件",
    "Only JPEG and PNG images and PDF files that can be opened are taken",
)
FILE_HEIC = Text(
    "FILE_HEIC",
    "暂不支持 HEIC 照片,请改存为 JPEG 后再传",
    "HEIC photographs are not taken: please save it as a JPEG",
)
FILE_PIXELS = Text("FILE_PIXELS", "图片像素过大", "The picture has too many pixels")
FILE_PROTECTED = Text(
    "FILE_PROTECTED", "请先去除 PDF 的密码", "Please remove the password of the PDF first"
)
FILE_PAGES = Text("FILE_PAGES", "文件为 1 至 {most} 页", "A file has 1 to {most} pages")
FILE_NAME = Text("FILE_NAME", "文件名无效", "The file's name is not valid")
MATERIAL_UNKNOWN = Text("MATERIAL_UNKNOWN", "不需要这份材料", "No such paper is asked for")
MATERIAL_MISSING = Text("MATERIAL_MISSING", "缺少{title}", "{title} is missing")
MATERIAL_ANEW = Text("MATERIAL_ANEW", "请重新提交{title}", "{title} has to be handed in anew")
FILES_MANY = Text("FILES_MANY", "该材料最多 {most} 个文件", "At most {most} files for this paper")
FILES_TODAY = Text("FILES_TODAY", "今日上传次数已达上限", "No more files can be sent today")
UPDATES_TODAY = Text("UPDATES_TODAY", "今日补充次数已达上限", "No more updates can be added today")
CASE_FULL = Text("CASE_FULL", "附件总量已达上限", "The case has all the files it can take")
NOT_ENDED = Text("CASE_NOT_ENDED", "办结后才能评价", "A case is rated once it has ended")
RATED = Text("CASE_RATED", "该办件已评价", "This case has been rated")
GRADE_RANGE = Text("GRADE_RANGE", "评价为 1 至 5 级", "A grade is 1 to 5")
LABELS_MANY = Text("LABELS_MANY", "标签无效", "These labels are not valid")
HOLD_OPEN = Text("CASE_HOLD_OPEN", "尚有办件未办结", "A case is still open")

OWN_CASE = Text("OWN_CASE", "不能办理本人的件", "Nobody handles a case of their own")
FROM_ACCOUNT = Named("您的账户", "Your account")
LICENCE_ISSUER = Named("签发机关", "Issued by")
LICENCE_ISSUED = Named("签发日期", "Issued on")
LICENCE_UNTIL = Named("有效期至", "Valid until")
LICENCE_AS_OF = Named("电子证照核验时间", "As its system had it at")

YOUR_CASES = Text("YOUR_CASES", "我的办件", "Your cases")

UPDATE = "update"
"""What a citizen adds to a case without moving it."""

CORRECT = "correct"
"""Why a citizen answers other than the city had filled in."""

ENGINE_EVENTS = {
    "open": Named("提交", "Filed"),
    "save": Named("修改表单", "Form changed"),
    AGREE: Named("同意", "Agreed"),
    REFUSE: Named("不同意", "Not agreed"),
    "hand_over": Named("转办", "Handed over"),
    "return": Named("退回", "Returned"),
    "overdue": Named("超过承诺时限", "The promised day has passed"),
    "escalate": Named("超期督办", "Escalated: the limit is over"),
    "warn": Named("临期提醒", "Reminder: the limit is near"),
    UPDATE: Named("补充情况", "An update from the citizen"),
    CORRECT: Named("更正已填信息", "What the city had filled in was corrected"),
}
"""What happens to cases of every definition."""


def title_of(definition: Definition, event: str) -> Named:
    """What happened, as it stands in the timeline."""
    known = ENGINE_EVENTS.get(event)
    return known or next(step.title for step in definition.steps if step.event == event)


NEWS_TITLE = Text("CASE_NEWS_TITLE", "{service}", "{service}")
NEWS_BODY = Text(
    "CASE_NEWS_BODY", "办件 {no}:{event},现为“{state}”。", "Case {no}: {event}; it is now: {state}."
)
TURN_BODY = Text(
    "CASE_TURN_BODY",
    "办件 {no}:{event}。请于 {due_on} 前办理:{state}。",
    "Case {no}: {event}. Please act by {due_on}: {state}.",
)
WORK_TITLE = Text("CASE_WORK_TITLE", "待办:{service}", "To do: {service}")
WORK_BODY = Text("CASE_WORK_BODY", "办件 {no}:{event}。", "Case {no}: {event}.")

MESSAGES = (
    Template("applications.news", NEWS_TITLE, NEWS_BODY),
    Template("applications.turn", NEWS_TITLE, TURN_BODY, sms=True),
    Template("applications.work", WORK_TITLE, WORK_BODY),
)
