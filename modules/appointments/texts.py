"""The words of appointments."""

from core.texts import Text
from notifications.api import Template

SLOT_FULL = Text("SLOT_FULL", "该时段已约满", "This time is fully booked")
SLOT_BEGUN = Text("SLOT_BEGUN", "该时段已开始或已过", "This time has begun or is over")
SLOT_UNRELEASED = Text(
    "SLOT_UNRELEASED", "该时段尚未放号", "This time has not been released for booking yet"
)
SLOT_CANCELLED = Text("SLOT_CANCELLED", "该时段已停诊或取消", "This time has been called off")
LIMIT_SLOT = Text("LIMIT_SLOT", "您已预约该时段", "You have booked this time already")
LIMIT_DAY = Text(
    "LIMIT_DAY",
    "同一科室每天只能预约一次",
    "Only one booking a day is possible here",
)
CANCEL_TOO_LATE = Text("CANCEL_TOO_LATE", "已超过可取消时间", "The time for cancelling has passed")
HOSPITAL_REFUSED = Text(
    "HOSPITAL_REFUSED", "医院未接受此次预约", "The hospital did not accept this booking"
)
HOSPITAL_UNAVAILABLE = Text(
    "HOSPITAL_UNAVAILABLE",
    "医院系统暂时无法访问,未占用号源,请稍后再试",
    "The hospital cannot be reached right now, nothing was booked, please try again later",
)
HOLD_EXPIRED = Text(
    "HOLD_EXPIRED", "预约未能在时限内完成,号源已释放", "The booking was not completed in time"
)
CONSENT_WITHDRAWN = Text(
    "CONSENT_WITHDRAWN",
    "您已撤回授权,预约未完成",
    "You withdrew your consent, the booking was not completed",
)
REFUSALS = {
    text.code: text
    for text in (SLOT_FULL, HOSPITAL_REFUSED, HOSPITAL_UNAVAILABLE, HOLD_EXPIRED, CONSENT_WITHDRAWN)
}
"""What a booking may have been refused for, by the code kept with it."""

HOSPITALS = "医院 / hospital"
HOSPITAL_CONSENT = Text(
    "HOSPITAL_CONSENT",
    "为完成挂号,将您的姓名、身份证号码和手机号码提交所选医院。",
    "To register you, your name, ID number and phone are passed to the hospital you choose.",
)
CONFIRMED_TITLE = Text("APPOINTMENT_CONFIRMED_TITLE", "预约成功", "Your appointment is confirmed")
CONFIRMED_BODY = Text(
    "APPOINTMENT_CONFIRMED_BODY",
    "您已预约{place} {what},时间:{when}。如需取消,请于 {cancel_by} 前办理。",
    "You are booked at {place}, {what}, on {when}. You can cancel until {cancel_by}.",
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

MESSAGES = (
    Template("appointments.confirmed", CONFIRMED_TITLE, CONFIRMED_BODY, sms=True),
    Template("appointments.refused", REFUSED_TITLE, REFUSED_BODY),
    Template("appointments.cancelled", CANCELLED_TITLE, CANCELLED_BODY),
    Template("appointments.kept", KEPT_TITLE, KEPT_BODY),
)
MESSAGE_CONFIRMED, MESSAGE_REFUSED, MESSAGE_CANCELLED, MESSAGE_KEPT = MESSAGES
