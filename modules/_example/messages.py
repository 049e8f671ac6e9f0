"""The messages this module sends: notifications finds them by their type.

`sms=True` would also send a text message; that costs money and wakes people, so it is rare.
"""

from modules._example import texts
from notifications.api import Template

FOUNTAIN_CLOSED = Template(
    "example.fountain_closed", texts.FOUNTAIN_CLOSED_TITLE, texts.FOUNTAIN_CLOSED_BODY
)
