"""The words of linked accounts."""

from core.texts import Text

WATER = Text("WATER", "水费", "Water bill")
ELECTRICITY = Text("ELECTRICITY", "电费", "Electricity bill")
GAS = Text("GAS", "燃气费", "Gas bill")
HEATING = Text("HEATING", "暖气费", "Heating bill")
ACCOUNT_INVALID = Text("ACCOUNT_INVALID", "户号有误", "This is not a valid account number")
TOO_MANY_ACCOUNTS = Text(
    "TOO_MANY_ACCOUNTS", "最多可绑定 {limit} 个户号", "At most {limit} accounts can be linked"
)
TOO_MANY_LOOKUPS = Text(
    "TOO_MANY_LOOKUPS",
    "查询户号过于频繁,请在 {retry_after_s} 秒后再试",
    "Too many accounts were looked up, try again in {retry_after_s} seconds",
)
BILLER = "缴费单位 / the biller"
