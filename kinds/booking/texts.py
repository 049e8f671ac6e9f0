"""The words of appointments."""

from core.texts import Named, Text
from kinds.booking.domain import OPEN_SUBJECT, Fault
from notifications.api import MessageClass, Template

SLOT_FULL = Text("SLOT_FULL", "该时段已约满", "This time is fully booked")
SLOT_BEGUN = Text("SLOT_BEGUN", "该时段已开始或已过", "This time has begun or is over")
SLOT_UNRELEASED = Text(
    "SLOT_UNRELEASED", "该时段尚未放号", "This time has not been released for booking yet"
)
DAY_NOT_OPEN = Text("DAY_NOT_OPEN", "该日期尚未开放预约", "This day is not open for booking yet")
SLOT_CANCELLED = Text("SLOT_CANCELLED", "该时段已停诊或取消", "This time has been called off")
LIMIT_SLOT = Text("LIMIT_SLOT", "您已预约该时段", "You have booked this time already")
LIMIT_DAY = Text(
    "LIMIT_DAY",
    "同一地点每天的预约次数已用完",
    "You have no more bookings here on that day",
)
LIMIT_OPEN = Text(
    "LIMIT_OPEN", "您未完成的预约已达上限", "You have as many open bookings as one may have"
)
LIMIT_SUBJECT = Text("LIMIT_SUBJECT", "该对象已有预约", "There is a booking for this already")
BANNED = Text(
    "BANNED",
    "因多次爽约,您在 {until} 前不能预约此服务",
    "After several missed appointments you cannot book here until {until}",
)
CANCEL_TOO_LATE = Text("CANCEL_TOO_LATE", "已超过可取消时间", "The time for cancelling has passed")
HOLD_EXPIRED = Text(
    "HOLD_EXPIRED", "预约未能在时限内完成,号源已释放", "The booking was not completed in time"
)
PAYMENT_REQUIRED = Text(
    "PAYMENT_REQUIRED", "请先完成支付", "The fee has to be paid before this is confirmed"
)
NOTHING_TO_PAY = Text(
    "NOTHING_TO_PAY", "该预约无需在线支付", "There is nothing to pay in advance for this"
)
FEE_PAID = Text("FEE_PAID", "该预约已支付", "The fee of this appointment is paid")
FEE_TITLE = Text("APPOINTMENT_FEE", "{place} 预约费", "{place}: appointment fee")
FEE_DIFFERS = Text(
    "FEE_DIFFERS",
    "新号源费用不同,请取消后重新预约",
    "The new number costs something else: cancel this one and book anew",
)
ITEM_UNKNOWN = Text("ITEM_UNKNOWN", "请选择要办理的事项", "Please choose what you come for")
SUBJECT_INVALID = Text(
    "SUBJECT_INVALID", "办理对象填写有误", "What the booking is about is not valid"
)
COMPANIONS = Text(
    "COMPANIONS", "须填写 {count} 位同行人", "Exactly {count} other persons have to be named"
)
COMPANION_INVALID = Text(
    "COMPANION_INVALID",
    "同行人姓名或身份证号码有误",
    "A companion's name or ID number is not valid",
)
COMPANION_TWICE = Text(
    "COMPANION_TWICE", "同一人不能填写两次", "The same person cannot be named twice"
)
NO_WAITING_LIST = Text(
    "NO_WAITING_LIST", "该服务不支持候补", "There is no waiting list for this service"
)
LIMIT_TIME = Text(
    "LIMIT_TIME",
    "您在该时段已有其他预约",
    "You have another appointment at this time",
)
LIMIT_UNPAID = Text(
    "LIMIT_UNPAID",
    "您有多个号源待支付,请先支付或取消",
    "Several of your bookings wait to be paid: pay or cancel one first",
)
LIMIT_TURN = Text(
    "LIMIT_TURN",
    "每次排队只能预约一个名额",
    "One turn in the queue is good for one seat",
)
TOO_MANY_HOLDS = Text(
    "TOO_MANY_HOLDS",
    "预约操作过于频繁,请在 {retry_after_s} 秒后再试",
    "That were many bookings, try again in {retry_after_s} seconds",
)
WAITS_FULL = Text(
    "WAITS_FULL", "您最多可同时候补 {limit} 个", "You can wait in at most {limit} lists at once"
)
VERSION_CHANGED = Text(
    "VERSION_CHANGED",
    "该预约已有变化,请刷新后再操作",
    "This appointment has changed meanwhile: please look at it again",
)
WAITING_ALREADY = Text(
    "WAITING_ALREADY", "您已在候补队列中", "You are on this waiting list already"
)
MOVING_ALREADY = Text("MOVING_ALREADY", "该预约正在改期", "This appointment is being moved already")
MOVED_BESIDE = Text(
    "MOVED_BESIDE",
    "该预约已改期,但对方保留了原预约,两个预约同时有效。请先取消其中一个,再改期",
    "It was moved before, and its other side kept both appointments: cancel one of them first",
)
QUEUE_CLOSED = Text("QUEUE_CLOSED", "排队尚未开始", "No queue is open here at the moment")
NOT_ADMITTED = Text(
    "NOT_ADMITTED",
    "请先排队,轮到您后再预约",
    "People are queueing for this release: please take a ticket and wait for your turn",
)
SAME_SLOT = Text("SAME_SLOT", "新旧时段相同", "This is the time it has already")
OTHER_SERVICE = Text(
    "OTHER_SERVICE", "不能改约到其他服务", "An appointment cannot be moved to another service"
)
CODE_INVALID = Text("CODE_INVALID", "预约码无效或已使用", "This code is not valid or has been used")
CHECK_IN_EARLY = Text(
    "CHECK_IN_EARLY", "尚未到签到时间", "It is too early to check in for this appointment"
)
CHECK_IN_LATE = Text("CHECK_IN_LATE", "已超过签到时间", "The time for checking in has passed")
CONSENT_WITHDRAWN = Text(
    "CONSENT_WITHDRAWN",
    "您已撤回授权,预约未完成",
    "You withdrew your consent, the booking was not completed",
)
HOLD_OPEN = Text(
    "APPOINTMENTS_OPEN",
    "尚有未结束的预约,结束或取消后即可删除",
    "There are appointments to come: they go when they are over or cancelled",
)
WITHHELD_COMPANIONS = Text(
    "APPOINTMENT_COMPANIONS",
    "同行人的姓名和证件号码属于他人",
    "Names and ID numbers of companions are other people's",
)
REFUSALS = {text.code: text for text in (SLOT_FULL, HOLD_EXPIRED, CONSENT_WITHDRAWN)}
"""What a booking may have been refused for, by the code kept with it; a source adds its own."""

FAULTS = {
    Fault.CANCELLED: SLOT_CANCELLED,
    Fault.BEGUN: SLOT_BEGUN,
    Fault.UNRELEASED: SLOT_UNRELEASED,
    Fault.FULL: SLOT_FULL,
}
_LIMITS = {
    "slot": LIMIT_SLOT,
    "day": LIMIT_DAY,
    "open": LIMIT_OPEN,
    "time": LIMIT_TIME,
    "unpaid": LIMIT_UNPAID,
    "turn": LIMIT_TURN,
}


def limit_text(limit_key: str) -> Text:
    """The refusal for a used-up limit."""
    if limit_key.startswith(OPEN_SUBJECT):
        return LIMIT_SUBJECT
    return _LIMITS[limit_key.partition(":")[0]]


SEE_APP = Text("APPOINTMENT_SEE_APP", "(详情请在应用内查看)", "(see the app)")
CANCEL_BY = Text(
    "APPOINTMENT_CANCEL_BY",
    "如需取消或改期,请于 {cancel_by} 前办理。",
    "You can move or cancel it until {cancel_by}.",
)
CANCEL_OVER = Text(
    "APPOINTMENT_CANCEL_OVER",
    "距开始时间较近,本预约已不能取消。",
    "It begins so soon that it cannot be cancelled any more.",
)
CONFIRMED_TITLE = Text("APPOINTMENT_CONFIRMED_TITLE", "预约成功", "Your appointment is confirmed")
CONFIRMED_BODY = Text(
    "APPOINTMENT_CONFIRMED_BODY",
    "您已预约{place} {what},时间:{when}。{cancel}",
    "You are booked at {place}, {what}, on {when}. {cancel}",
)
REFUSED_TITLE = Text("APPOINTMENT_REFUSED_TITLE", "预约未成功", "Your booking did not succeed")
REFUSED_BODY = Text(
    "APPOINTMENT_REFUSED_BODY",
    "{place} {what}({when})未能约上,号源已释放,请另选时间。",
    "{place}, {what}, on {when} could not be booked; please choose another time.",
)
CANCELLED_TITLE = Text("APPOINTMENT_CANCELLED_TITLE", "预约已取消", "Your appointment is cancelled")
CANCELLED_BODY = Text(
    "APPOINTMENT_CANCELLED_BODY",
    "您在{place} {what}({when})的预约已取消。",
    "Your appointment at {place}, {what}, on {when} is cancelled.",
)
KEPT_TITLE = Text("APPOINTMENT_KEPT_TITLE", "取消未成功", "Your appointment was not cancelled")
KEPT_BODY = Text(
    "APPOINTMENT_KEPT_BODY",
    "{place}不接受取消,您 {when} 的预约({what})仍然有效。",
    "{place} does not accept the cancellation: {what} on {when} still stands.",
)

MOVED_TITLE = Text("APPOINTMENT_MOVED_TITLE", "预约已改期", "Your appointment has moved")
MOVED_BODY = Text(
    "APPOINTMENT_MOVED_BODY",
    "您在{place} {what}的预约已改至 {when}。{cancel}",
    "Your appointment at {place}, {what}, is now on {when}. {cancel}",
)
OFFERED_TITLE = Text("APPOINTMENT_OFFERED_TITLE", "候补有名额,请确认", "A seat is kept for you")
OFFERED_BODY = Text(
    "APPOINTMENT_OFFERED_BODY",
    "您候补的{place} {what}({when})有名额,为您保留至 {until},请在此前确认;不需要请放弃。",
    "A seat you waited for at {place}, {what}, on {when} is yours until {until} if you confirm it; "
    "give it back if you do not need it.",
)
EXCUSED_TITLE = Text(
    "APPOINTMENT_EXCUSED_TITLE", "爽约记录已撤销", "A missed appointment was excused"
)
EXCUSED_BODY = Text(
    "APPOINTMENT_EXCUSED_BODY",
    "您在{place} {what}({when})的预约不再计为爽约。",
    "Your booking at {place}, {what}, on {when} counts as missed no more.",
)
EXPIRED_TITLE = Text("APPOINTMENT_EXPIRED_TITLE", "预约未完成", "Your booking was not completed")
EXPIRED_BODY = Text(
    "APPOINTMENT_EXPIRED_BODY",
    "您在{place} {what}({when})的预约未在时限内完成,名额已释放。",
    "Your booking at {place}, {what}, on {when} was not completed in time; the seat is free again.",
)
RELOCATED_TITLE = Text(
    "APPOINTMENT_RELOCATED_TITLE", "您的预约时间有变", "Your appointment had to be moved"
)
RELOCATED_BODY = Text(
    "APPOINTMENT_RELOCATED_BODY",
    "因放假安排调整,{place}在您原预约的时间不开放,您的预约({what})已改至 {when}。{cancel}",
    "{place} is closed at the time you had booked, as the public holidays were set: {what} is now "
    "on {when}. {cancel}",
)
RESCHEDULED_TITLE = Text(
    "APPOINTMENT_RESCHEDULED_TITLE", "您的预约已被改动", "Your appointment was changed there"
)
RESCHEDULED_BODY = Text(
    "APPOINTMENT_RESCHEDULED_BODY",
    "对方已更改您在{place}的预约:{what},现时间为 {when}。{cancel}",
    "Your appointment at {place} was changed by the other side: it is now {what}, on {when}. "
    "{cancel}",
)
CALLED_OFF_TITLE = Text(
    "APPOINTMENT_CALLED_OFF_TITLE", "您的预约已被取消", "Your appointment had to be called off"
)
CALLED_OFF_BODY = Text(
    "APPOINTMENT_CALLED_OFF_BODY",
    "{place}在 {when} 不开放,您的预约({what})已取消,已付费用将原路退回,请另选时间。",
    "{place} is closed on {when}: your appointment ({what}) is cancelled, a fee that you paid goes "
    "back to where it came from. Please choose another time.",
)
REFUNDED_TITLE = Text("APPOINTMENT_REFUNDED_TITLE", "预约费已退回", "Your fee was returned")
REFUNDED_BODY = Text(
    "APPOINTMENT_REFUNDED_BODY",
    "{title} {amount} 元已原路退回。",
    "{title}: {amount} yuan have been returned to where they came from.",
)

JOINED_WAITING_LIST = Named("为其加入候补", "put them on a waiting list")
"""As the other guardian of a child is told of it."""

MESSAGES = (
    Template("appointments.confirmed", CONFIRMED_TITLE, CONFIRMED_BODY, sms=True),
    Template("appointments.refused", REFUSED_TITLE, REFUSED_BODY),
    Template("appointments.cancelled", CANCELLED_TITLE, CANCELLED_BODY),
    Template("appointments.kept", KEPT_TITLE, KEPT_BODY),
    Template("appointments.moved", MOVED_TITLE, MOVED_BODY, sms=True),
    Template("appointments.offered", OFFERED_TITLE, OFFERED_BODY, sms=True),
    Template("appointments.excused", EXCUSED_TITLE, EXCUSED_BODY),
    Template("appointments.expired", EXPIRED_TITLE, EXPIRED_BODY),
    Template("appointments.relocated", RELOCATED_TITLE, RELOCATED_BODY, sms=True),
    Template("appointments.rescheduled", RESCHEDULED_TITLE, RESCHEDULED_BODY, sms=True),
    Template("appointments.called_off", CALLED_OFF_TITLE, CALLED_OFF_BODY, sms=True),
    Template("appointments.refunded", REFUNDED_TITLE, REFUNDED_BODY, about=MessageClass.MONEY),
)
