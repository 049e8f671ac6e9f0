"""What the banks' API says."""

from core.texts import Text

TOKEN_INVALID = Text(
    "TOKEN_INVALID", "访问令牌无效或已过期", "The access token is not good, or no longer"
)
PROOF_INVALID = Text(
    "PROOF_INVALID", "DPoP 证明无效:{reason}", "The DPoP proof is refused: {reason}"
)
SCOPE_MISSING = Text(
    "SCOPE_MISSING", "访问令牌缺少权限 {scope}", "The access token lacks the scope {scope}"
)
BODY_INVALID = Text(
    "BODY_INVALID", "请求内容有误", "The request does not have the form it must have"
)
BODY_TOO_LARGE = Text("BODY_TOO_LARGE", "请求内容过大", "The request body is too large")
MEDIA_TYPE = Text("MEDIA_TYPE", "请求内容须为 {media_type}", "The body must be {media_type}")
KEY_MISSING = Text(
    "KEY_MISSING",
    "请提供 8 至 64 个可见字符的 Idempotency-Key",
    "An Idempotency-Key of 8 to 64 visible ASCII characters is needed",
)
KEY_IN_FLIGHT = Text(
    "KEY_IN_FLIGHT",
    "使用同一幂等键的请求正在处理",
    "A request with this idempotency key is under way",
)
PRECONDITION_REQUIRED = Text(
    "PRECONDITION_REQUIRED",
    "请在 If-Match 中给出所读版本的 ETag",
    "Name the version that you read in If-Match",
)
PRECONDITION_FAILED = Text(
    "PRECONDITION_FAILED",
    "内容已更新,请重新读取后再提交",
    "It has changed since you read it, please read it again",
)
METHOD_NOT_ALLOWED = Text(
    "METHOD_NOT_ALLOWED", "该地址不支持此方法", "This address does not know this method"
)
DAY_AHEAD = Text(
    "DAY_AHEAD", "日期早于放款日或晚于今天", "The day is before the loan or in the future"
)
CURSOR_INVALID = Text("CURSOR_INVALID", "分页游标无效", "This is no cursor of this list")
INTERNAL = Text(
    "INTERNAL_ERROR",
    "系统繁忙,请稍后再试(编号 {error_id})",
    "Something went wrong on our side (reference {error_id})",
)
