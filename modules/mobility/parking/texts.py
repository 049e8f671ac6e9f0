"""The words of parking."""

from core.texts import Text

OPERATOR = "停车运营企业 / the parking operator"
REGISTRY = "机动车登记系统 / the vehicle registry"

PLATE_INVALID = Text("PLATE_INVALID", "车牌号有误", "This is not a valid number plate")
TOO_MANY_PLATES = Text(
    "TOO_MANY_PLATES", "最多可绑定 {limit} 个车牌", "At most {limit} plates can be linked"
)
TOO_MANY_NEW_PLATES = Text(
    "TOO_MANY_NEW_PLATES",
    "今天绑定或核验车牌过于频繁,请在 {retry_after_s} 秒后再试",
    "Too many plates were linked or verified today, try again in {retry_after_s} seconds",
)
PLATE_NOT_YOURS = Text(
    "PLATE_NOT_YOURS",
    "该车未登记在您名下;您仍可为其缴费",
    "This car is not registered in your name; you can still pay for it",
)
NOTHING_DUE = Text("NOTHING_DUE", "当前无需缴费", "Nothing is due at the moment")
STAY_MOVED_ON = Text(
    "STAY_MOVED_ON",
    "该笔停车费已结清,请刷新查看",
    "This part of the stay is settled already, please look again",
)
VEHICLE_CONSENT = Text(
    "VEHICLE_CONSENT",
    "为确认车辆在您名下,凭您的证件号码和车牌号向机动车登记系统核验。",
    "To confirm that the car is yours, your document number and the plate are checked with the "
    "vehicle registry.",
)

PAID_TITLE = Text("PARKING_PAID_TITLE", "停车缴费成功", "Parking paid")
PAID_BODY = Text(
    "PARKING_PAID_BODY",
    "您的停车费 {amount} 元已支付,请于 {exit_by} 前离场,逾时将继续计费。",
    "Your parking fee of {amount} yuan is paid. Please drive out by {exit_by}; staying on is "
    "charged further.",
)
REFUSED_TITLE = Text("PARKING_REFUSED_TITLE", "停车缴费未成功", "Parking could not be paid")
REFUSED_BODY = Text(
    "PARKING_REFUSED_BODY",
    "停车运营企业未能入账您的停车费。您支付的 {amount} 元正在原路退回,无需任何操作。",
    "The parking operator could not take your payment. Your {amount} yuan are on their way back; "
    "you need do nothing.",
)
REFUNDED_TITLE = Text("PARKING_REFUNDED_TITLE", "停车费已退款", "Parking refunded")
REFUNDED_BODY = Text(
    "PARKING_REFUNDED_BODY",
    "您支付的停车费 {amount} 元已原路退回。",
    "The {amount} yuan you paid for parking have been returned.",
)
