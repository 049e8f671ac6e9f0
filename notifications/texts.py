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
DIGEST_BODY = Text("DIGEST_BODY", "共 {count} 条新消息,请在收件箱查看。", "{count} new messages.")
