"""Templates of every class, for tests."""

from datetime import timedelta

from core.texts import Text
from notifications.api import MessageClass, Template

BODY = Text("PROBE", "{text}", "{text}")


def _title(name: str) -> Text:
    return Text("PROBE", name, name)


SAFETY = Template("probe.safety", _title("safety"), BODY, about=MessageClass.SAFETY)
MONEY = Template("probe.money", _title("money"), BODY, about=MessageClass.MONEY, sms=True)
SERVICE = Template("probe.service", _title("service"), BODY)
NEWS = Template("probe.news", _title("news"), BODY, about=MessageClass.NEWS)
DIGEST = Template("probe.digest", _title("digest"), BODY, digest=timedelta(hours=1))
