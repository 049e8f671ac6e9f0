"""Every word this module says to people, in both languages, under a code that apps act on.

Sentences of the whole house (not found, sign in first …) stand in core/refusal_texts.py.
"""

from core.texts import Text

FOLLOWED_FOUNTAINS = Text("FOLLOWED_FOUNTAINS", "我关注的饮水点", "Fountains I follow")
FOUNTAIN_DISTRICT_UNKNOWN = Text(
    "FOUNTAIN_DISTRICT_UNKNOWN", "本市没有这个区县", "There is no such district in this city"
)
TOO_MANY_FOUNTAINS = Text(
    "TOO_MANY_FOUNTAINS",
    "最多可关注 {limit} 个饮水点",
    "You can follow at most {limit} fountains",
)
FOUNTAIN_CLOSED_TITLE = Text("FOUNTAIN_CLOSED_TITLE", "饮水点暂停服务", "A fountain is closed")
FOUNTAIN_CLOSED_BODY = Text(
    "FOUNTAIN_CLOSED_BODY",
    "您关注的“{name}”暂停供水,恢复时间另行通知。",
    "“{name}”, which you follow, gives no water at present.",
)
FOUNTAINS_UPSTREAM = "直饮水平台 / the fountain network"
