"""The words for verifiers."""

from core.texts import Text

TOO_MANY_CHECKS = Text(
    "TOO_MANY_CHECKS",
    "核验过于频繁,请{retry_after_s}秒后再试",
    "Too many checks, try again in {retry_after_s} seconds",
)
REASON_MISSING = Text(
    "REASON_MISSING",
    "请说明核验事由(1至24个字)",
    "Say what the check is for, in 1 to 24 characters",
)
