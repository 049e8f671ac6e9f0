"""The words of notifications itself."""

from core.texts import Text

WEBHOOK_URL = Text(
    "WEBHOOK_URL_INVALID", "请填写有效的 https 地址", "Give an address that begins with https://."
)
CAMPAIGN_TEMPLATE = Text(
    "CAMPAIGN_TEMPLATE_INVALID",
    "该模板不能用于群发",
    "This template is not for campaigns.",
)
CAMPAIGN_PARAMS = Text(
    "CAMPAIGN_PARAMS_INVALID", "模板参数不符:{detail}", "The parameters do not fit: {detail}"
)
CAMPAIGN_AUDIENCE = Text("CAMPAIGN_AUDIENCE_UNKNOWN", "没有该人群", "There is no such audience.")
SWITCH_UNKNOWN = Text("SWITCH_UNKNOWN", "没有该通道或服务商", "There is no such lane or provider.")
PREVIEW_PARAMS = Text("PREVIEW_INVALID", "无法预览:{detail}", "That does not fit: {detail}")
CRITICAL_NOT_REFUSED = Text(
    "CRITICAL_NOT_REFUSED", "安全类消息不能关闭", "Messages about safety cannot be refused."
)
TIME_INVALID = Text("TIME_INVALID", "请按 22:00 的格式填写时间", "Write a time as 22:00.")
DAYS_INVALID = Text("DAYS_INVALID", "星期为 0(周一)至 6", "Days are 0 (Monday) to 6.")
DEVICE_TOKEN_INVALID = Text("DEVICE_TOKEN_INVALID", "设备标识无效", "This is no device's token.")
PLATFORM_USER_NOT_LINKED = Text(
    "PLATFORM_USER_NOT_LINKED",
    "请先将该小程序与账户关联",
    "Link the mini-programme to your account first.",
)
DIGEST_BODY = Text("DIGEST_BODY", "共 {count} 条新消息,请在收件箱查看。", "{count} new messages.")
