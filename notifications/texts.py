"""The words of notifications itself."""

from core.texts import Text

WEBHOOK_URL = Text(
    "WEBHOOK_URL_INVALID", "请填写有效的 https 地址", "Give an address that begins with https://."
)
DIGEST_BODY = Text("DIGEST_BODY", "共 {count} 条新消息,请在收件箱查看。", "{count} new messages.")
