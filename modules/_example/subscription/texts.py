"""The words of the service."""

from core.texts import Text

TOO_MANY = Text(
    "EXAMPLE_SUBSCRIPTION_TOO_MANY",
    "最多可订阅 {limit} 个区县",
    "You can subscribe to at most {limit} districts",
)
NEWS_TITLE = Text("EXAMPLE_SUBSCRIPTION_NEWS_TITLE", "示例订阅", "Example subscription")
NEWS_BODY = Text(
    "EXAMPLE_SUBSCRIPTION_NEWS_BODY",
    "您订阅的区县有新消息:{name}。",
    "News of a district that you named: {name}.",
)
