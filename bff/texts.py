"""The words of the edge."""

from core.texts import Text

DEADLINE_PASSED = Text(
    "DEADLINE_PASSED",
    "处理超时,请稍后再试",
    "This took too long, please try again later",
)
