"""The words of the queues."""

from core.texts import Text

CONSENT = Text(
    "OUTPATIENT_QUEUE_CONSENT",
    "为向您展示候诊进度并在快到号时提醒您,凭您的证件号码向已接入医院查询当天的候诊号。",
    "To show you how your queue moves and to tell you when you are next, your document number is "
    "used to ask the connected hospitals for today's numbers.",
)
SYSTEM = "医院候诊系统 / the hospital's queue system"
NEXT_TITLE = Text("QUEUE_NEXT_TITLE", "即将轮到您就诊", "You are next")
NEXT_BODY = Text(
    "QUEUE_NEXT_BODY",
    "{hospital}:您的 {number} 号即将就诊,请到{room}。",
    "{hospital}: number {number} is next, please go to {room}.",
)
