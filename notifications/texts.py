"""The words of notifications itself."""

from core.texts import Text

DIGEST_BODY = Text("DIGEST_BODY", "共 {count} 条新消息,请在收件箱查看。", "{count} new messages.")
