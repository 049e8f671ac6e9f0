"""The words of traffic fines."""

from core.texts import Text

POLICE = "交警 / the traffic police"
PLATFORM = "非税收入收缴平台 / the non-tax revenue platform"

FINES_CONSENT = Text(
    "TRAFFIC_FINES_CONSENT",
    "为向您展示并办理本人名下机动车的交通违法,凭您的证件号码向交警查询和确认违法记录。",
    "To show you the violations of your own car and let you settle them, your document number is "
    "used to ask the traffic police for them and to accept them.",
)
FINE_NOT_ACCEPTED = Text(
    "FINE_NOT_ACCEPTED",
    "请先确认该违法记录,再缴纳罚款",
    "Please accept this violation before paying its fine",
)
FINE_PAID = Text("FINE_PAID", "该罚款已缴清", "This fine is paid already")
FINE_WITHDRAWN = Text("FINE_WITHDRAWN", "该罚款已被撤销", "This fine has been withdrawn")

PAID_TITLE = Text("FINE_PAID_TITLE", "罚款缴纳成功", "Traffic fine paid")
PAID_BODY = Text(
    "FINE_PAID_BODY",
    "您的交通违法罚款 {amount} 元已缴清,非税电子票据号 {ref}。",
    "Your traffic fine of {amount} yuan is settled; electronic receipt {ref}.",
)
REFUSED_TITLE = Text("FINE_REFUSED_TITLE", "罚款未能缴纳", "Traffic fine could not be paid")
REFUSED_BODY = Text(
    "FINE_REFUSED_BODY",
    "非税收入收缴平台未能入账您的罚款。您支付的 {amount} 元正在原路退回,无需任何操作。",
    "The revenue platform could not take your payment. Your {amount} yuan are on their way back; "
    "you need do nothing.",
)
REFUNDED_TITLE = Text("FINE_REFUNDED_TITLE", "罚款已退回", "Traffic fine refunded")
REFUNDED_BODY = Text(
    "FINE_REFUNDED_BODY",
    "您为交通违法支付的 {amount} 元已原路退回。",
    "The {amount} yuan you paid for a traffic fine have been returned.",
)
