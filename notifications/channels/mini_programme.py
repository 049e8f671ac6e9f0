"""What a subscription message of a mini-programme carries: an approved template's two fields.

A mini-programme has its templates approved one by one. Ours has one, of a title and a text, whose
names are in the credentials (`title_field`, `body_field`, at WeChat such as `thing1`): the whole
text stands in the inbox, to which `page` leads.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

from core.texts import shortened
from notifications.channels.port import Outbound

FIELD_MAX = 20
"""Characters of a field (developers.weixin.qq.com, subscribeMessage.send, `thing`)."""


def fields_of(
    credentials: Mapping[str, str], outbound: Outbound
) -> Mapping[str, Mapping[str, str]]:
    """The template's fields, filled."""
    return {
        credentials["title_field"]: {"value": _short(outbound.title)},
        credentials["body_field"]: {"value": _short(outbound.body)},
    }


def page_of(credentials: Mapping[str, str], outbound: Outbound) -> str:
    """The page that is opened, told what the message is about."""
    if outbound.deep_link is None:
        return credentials["page"]
    return f"{credentials['page']}?{urlencode({'link': outbound.deep_link})}"


def _short(text: str) -> str:
    return shortened(" ".join(text.split()), FIELD_MAX)
