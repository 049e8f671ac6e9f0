"""The words of the edge."""

from core.texts import Text

TOO_MANY_AT_ONCE = Text(
    "TOO_MANY_AT_ONCE",
    "同时进行的请求过多,请稍后再试",
    "Too many requests at once, please wait for some to finish",
)
OVERLOADED = Text(
    "OVERLOADED",
    "系统繁忙,请稍后再试",
    "The system is busy, please try again shortly",
)
