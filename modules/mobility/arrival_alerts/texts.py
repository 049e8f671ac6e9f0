"""The words of arrival alerts."""

from core.texts import Text

TOO_MANY_ALERTS = Text(
    "TOO_MANY_ALERTS", "最多可设置 {limit} 个到站提醒", "At most {limit} arrival alerts can be set"
)
NEAR_TITLE = Text("ARRIVAL_NEAR_TITLE", "{line}即将到站", "{line} is near")
NEAR_BODY = Text(
    "ARRIVAL_NEAR_BODY",
    "{line}(开往{headsign})预计 {at} 到达{stop}。",
    "{line} to {headsign} comes to {stop} at {at}.",
)
CANCELLED_TITLE = Text("ARRIVAL_CANCELLED_TITLE", "{line}已取消", "{line} is cancelled")
CANCELLED_BODY = Text(
    "ARRIVAL_CANCELLED_BODY",
    "您等候的{line}({at} 到达{stop})已取消,到站提醒随之取消。",
    "{line}, due at {stop} at {at}, does not run. Your alert has ended.",
)
LOST_TITLE = Text("ARRIVAL_LOST_TITLE", "{line}暂无实时位置", "{line} is no longer tracked")
LOST_BODY = Text(
    "ARRIVAL_LOST_BODY",
    "{line}(计划 {at} 到达{stop})已失去实时信息,请留意站台。",
    "Nothing is known of {line}, due at {stop} at {at}, any more. Please look out for it yourself.",
)
