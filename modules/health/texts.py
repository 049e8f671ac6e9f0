"""The words of health."""

from core.texts import Text

MEDICAL_CONSENT = Text(
    "MEDICAL_PAYMENT_CONSENT",
    "为向您展示和缴纳就诊费用,凭您的证件号码向已接入医院查询账单明细、医保与自费金额及住院押金账户。",
    "To show you your hospital bills and let you pay them, your document number is used to ask the "
    "connected hospitals for their items, what insurance pays, and your inpatient deposit.",
)
HOSPITALS = "医院收费系统 / the hospital's billing"
MEDICAL_BILL = Text("MEDICAL_BILL", "{hospital}门诊费", "{hospital}, visit")
TOP_UP = Text("HOSPITAL_TOP_UP", "{hospital}住院押金", "{hospital}, inpatient deposit")
BILL_PAID = Text("MEDICAL_BILL_PAID", "该账单已缴清", "This bill is paid already")
BILL_CANCELLED = Text(
    "MEDICAL_BILL_CANCELLED", "该账单已被医院取消", "The hospital has cancelled this bill"
)
NOTHING_DUE = Text(
    "MEDICAL_NOTHING_DUE",
    "该账单无需自费支付",
    "Insurance pays all of this bill: nothing is due from you",
)
TOP_UP_RANGE = Text(
    "TOP_UP_OUT_OF_RANGE",
    "单次充值金额须在 {least} 元至 {most} 元之间",
    "A top-up is between {least} and {most} yuan",
)

PAID_TITLE = Text("MEDICAL_PAID_TITLE", "{name}支付成功", "{name}: paid")
PAID_BODY = Text(
    "MEDICAL_PAID_BODY",
    "您已支付{name} {amount} 元,医院收据号 {ref}。",
    "You have paid {amount} yuan for {name}; the hospital's receipt is {ref}.",
)
REFUSED_TITLE = Text("MEDICAL_REFUSED_TITLE", "{name}未能支付", "{name} could not be paid")
REFUSED_BODY = Text(
    "MEDICAL_REFUSED_BODY",
    "医院未能入账{name}。您支付的 {amount} 元正在原路退回,无需任何操作。",
    "The hospital could not book {name}. Your {amount} yuan are on their way back; you need do "
    "nothing.",
)
REFUNDED_TITLE = Text("MEDICAL_REFUNDED_TITLE", "{name}已退款", "{name}: refunded")
REFUNDED_BODY = Text(
    "MEDICAL_REFUNDED_BODY",
    "{name}的 {amount} 元已原路退回。",
    "{amount} yuan for {name} have been returned.",
)
HOLD_REFUNDS = Text(
    "HOLD_MEDICAL_REFUNDS",
    "医院在半年内仍可能退费,须保留付款人以便退款",
    "A hospital may give back a part of it within half a year: the payer must be known until then",
)
