"""The words of riding."""

from core.texts import Text

CLEARING = "交通一卡通清分中心 / the fare clearing centre"

TRIPS_CONSENT = Text(
    "TRANSIT_TRIPS_CONSENT",
    "为向您展示乘车记录和未付车费,以乘车码的匿名编号向交通一卡通清分中心查询您的行程。",
    "To show you your rides and unpaid fares, the fare clearing centre is asked for the trips of "
    "your ride code's pseudonym.",
)
TRIP_PAID = Text("TRIP_PAID", "该行程车费已付", "This trip is paid already")
BUS = Text("RIDE_BUS", "公交乘车费", "Bus ride")
METRO = Text("RIDE_METRO", "地铁乘车费", "Metro ride")

PAID_TITLE = Text("TRIP_PAID_TITLE", "乘车费支付成功", "Fare paid")
PAID_BODY = Text(
    "TRIP_PAID_BODY",
    "您的{name}({since})已付,金额 {amount} 元。",
    "Your {name} ({since}) is paid: {amount} yuan.",
)
REFUSED_TITLE = Text("TRIP_REFUSED_TITLE", "乘车费支付未成功", "Fare could not be paid")
REFUSED_BODY = Text(
    "TRIP_REFUSED_BODY",
    "清分中心未能入账您的{name}({since})。您支付的 {amount} 元正在原路退回,无需任何操作。",
    "Fare clearing could not take your payment for {name} ({since}). Your {amount} yuan are on "
    "their way back; you need do nothing.",
)
REFUNDED_TITLE = Text("TRIP_REFUNDED_TITLE", "乘车费已退款", "Fare refunded")
REFUNDED_BODY = Text(
    "TRIP_REFUNDED_BODY",
    "您为{name}({since})支付的 {amount} 元已原路退回。",
    "The {amount} yuan you paid for {name} ({since}) have been returned.",
)
