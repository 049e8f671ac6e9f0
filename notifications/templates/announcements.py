"""The message of campaigns: what the city has to say to everybody."""

from core.texts import Text
from notifications.templates.domain import MessageClass
from notifications.templates.template import Template

ANNOUNCEMENT = Template(
    "notifications.announcement",
    Text("ANNOUNCEMENT_TITLE", "{title}", "{title}"),
    Text("ANNOUNCEMENT_BODY", "{text}", "{text}"),
    about=MessageClass.NEWS,
)
