"""The words of outages."""

from core.texts import Text

TOO_MANY_WATCHES = Text(
    "TOO_MANY_WATCHES", "最多可关注 {limit} 个位置", "At most {limit} places can be watched"
)
WATCHED_PLACE = Text("WATCHED_PLACE", "您关注的位置", "your watched place")
OUTAGE_OF = {
    "WATER": Text("OUTAGE_WATER", "停水", "Water outage"),
    "POWER": Text("OUTAGE_POWER", "停电", "Power outage"),
    "GAS": Text("OUTAGE_GAS", "停气", "Gas outage"),
}
OUTAGE_ANNOUNCED_TITLE = Text("OUTAGE_ANNOUNCED_TITLE", "{what}通知", "{what}")
OUTAGE_ANNOUNCED_BODY = Text(
    "OUTAGE_ANNOUNCED_BODY",
    "{label}:{starts} 起{what},原因:{cause},预计 {ends} 恢复。",
    "{label}: {what} from {starts}, {cause}, expected to be over at {ends}.",
)
OUTAGE_RESTORED_TITLE = Text("OUTAGE_RESTORED_TITLE", "{what}已恢复", "{what} is over")
OUTAGE_RESTORED_BODY = Text(
    "OUTAGE_RESTORED_BODY",
    "{starts} 开始的{what}已于 {ends} 恢复。",
    "{what} that began at {starts} was over at {ends}.",
)
