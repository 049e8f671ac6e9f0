"""The words of disputes over accounts."""

from core.texts import Text

NOTHING_TO_DISPUTE = Text(
    "NOTHING_TO_DISPUTE",
    "没有其他账户持有该证件号码",
    "No other account holds this number",
)
DISPUTED_ALREADY = Text(
    "DISPUTED_ALREADY",
    "该账户的归属正在核实",
    "Whose account that is, is being looked into already",
)
DISPUTE_TITLE = Text("DISPUTE_TITLE", "账户归属核实", "Whose account it is")
DISPUTE_OPENED_MESSAGE = Text(
    "DISPUTE_OPENED",
    "【{app}】有人对您所用实名账户的归属提出异议,核实期间(最长 {days} 天)账户的付款、授权、代办和"
    "注销暂停。请携带证件到服务窗口;如有疑问请联系政务热线。",
    "[{app}] Whose account carries your name is disputed. While it is looked into, at most {days} "
    "days, its payments, consents, mandates and its closing wait. Please come to a counter with "
    "your card; with questions call the city's hotline.",
)
DISPUTE_DISMISSED_MESSAGE = Text(
    "DISPUTE_DISMISSED",
    "【{app}】账户归属核实已结束,账户维持不变,已恢复使用。如有异议,请携带证件到服务窗口。",
    "[{app}] It was looked into whose account it is: it stays as it was, and may be used again. If "
    "you object, please come to a counter with your card.",
)
HOLD_DISPUTE = Text(
    "HOLD_DISPUTE",
    "账户归属正在核实",
    "Whose account this is, is being looked into",
)
