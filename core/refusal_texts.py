"""The catalogue of the ground floor: refusals that every service shares."""

from core.texts import Text

INVALID_INPUT = Text("INVALID_INPUT", "输入有误:{detail}", "Invalid input: {detail}")
LOGIN_REQUIRED = Text("LOGIN_REQUIRED", "请先登录", "Please sign in first")
SESSION_EXPIRED = Text(
    "SESSION_EXPIRED", "登录已失效,请重新登录", "Your session has ended, please sign in again"
)
LEVEL_REQUIRED = Text(
    "LEVEL_REQUIRED", "该服务需要先完成实名认证", "This service needs a verified real name"
)
PROOF_REQUIRED = Text(
    "PROOF_REQUIRED",
    "姓名和身份证号可能被他人知晓,办理该业务需要{proof}或更强的核验",
    "Others may know your name and number: this needs {proof}, or a stronger proof",
)
FRESH_AUTH_REQUIRED = Text(
    "FRESH_AUTH_REQUIRED",
    "为保护您的资金和健康信息,请再次验证身份",
    "To protect your money and health records, please confirm once more that it is you",
)
TICKET_INVALID = Text(
    "TICKET_INVALID",
    "该操作的续办凭证已失效,请重新发起",
    "This action can no longer be resumed, please start it again",
)
RESUME_MISMATCH = Text(
    "RESUME_MISMATCH",
    "续办的内容与原操作不一致",
    "This is not the action that was interrupted",
)
NOT_ALLOWED = Text("NOT_ALLOWED", "您没有此项权限", "You are not allowed to do this")
ACCOUNT_DISPUTED = Text(
    "ACCOUNT_DISPUTED",
    "账户归属正在核实,付款、授权、代办、更换手机号等暂停办理,请携带证件到服务窗口",
    "Whose account this is, is being looked into: payments, consents, mandates and changes of its "
    "keys wait until then. Please come to a counter with your card",
)
DOCUMENT_NOT_TAKEN = Text(
    "DOCUMENT_NOT_TAKEN",
    "该服务的主管部门不能凭您的证件办理",
    "The office behind this service does not take your document",
)
NOT_FOUND = Text("NOT_FOUND", "未找到", "Not found")
DEADLINE_PASSED = Text(
    "DEADLINE_PASSED",
    "处理超时,请稍后再试",
    "This took too long, please try again later",
)
TOO_MANY_REQUESTS = Text(
    "TOO_MANY_REQUESTS",
    "请求过于频繁,请在 {retry_after_s} 秒后再试",
    "Too many requests, please try again in {retry_after_s} seconds",
)
KEY_REUSED = Text(
    "KEY_REUSED",
    "同一幂等键不能用于不同的请求",
    "This idempotency key was used with a different input",
)
KEY_EXPIRED = Text(
    "KEY_EXPIRED",
    "该操作的结果已不能再次取回,请重新发起",
    "The answer to this key can no longer be fetched, please start again",
)
KEY_INVALID = Text(
    "KEY_INVALID",
    "幂等键须为 8 至 64 个可见字符",
    "An idempotency key is 8 to 64 visible ASCII characters",
)
ILLEGAL_STATE = Text(
    "ILLEGAL_STATE", "当前状态不允许此操作", "This is not possible in the current state"
)
UPSTREAM_UNAVAILABLE = Text(
    "UPSTREAM_UNAVAILABLE",
    "{upstream}暂时无法访问,请稍后再试",
    "{upstream} cannot be reached right now, please try again later",
)
CONSENT_REQUIRED = Text(
    "CONSENT_REQUIRED",
    "查询前需要您同意读取相关信息",
    "Your consent is needed before this information is read",
)
CONSENT_TEXT_CHANGED = Text(
    "CONSENT_TEXT_CHANGED",
    "授权说明已更新,请重新阅读后再同意",
    "The consent text has changed, please read it again",
)
GUARDIAN_CONSENT_REQUIRED = Text(
    "GUARDIAN_CONSENT_REQUIRED",
    "未满14周岁,须由监护人同意",
    "Below the age of 14 a guardian must consent",
)
UNAVAILABLE = Text(
    "UNAVAILABLE",
    "服务暂时繁忙,请稍后重试(编号 {error_id})",
    "The service is busy for a moment, please try again (reference {error_id})",
)
INTERNAL_ERROR = Text(
    "INTERNAL_ERROR",
    "系统繁忙,请稍后再试(编号 {error_id})",
    "Something went wrong on our side (reference {error_id})",
)
LABEL_TOO_LONG = Text("LABEL_TOO_LONG", "备注最多 16 个字", "A label has at most 16 characters")
POINT_INVALID = Text(
    "POINT_INVALID",
    "经纬度超出范围,或区域的边界颠倒",
    "These are no coordinates of a place or an area",
)
POINTS_SWAPPED = Text(
    "POINTS_SWAPPED",
    "纬度和经度似乎写反了",
    "Latitude and longitude seem to have been given in each other's place",
)
OUTSIDE_CITY = Text("OUTSIDE_CITY", "该位置不在本市范围内", "This place is outside the city")
