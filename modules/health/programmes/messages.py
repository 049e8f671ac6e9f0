"""The messages of care programmes; none names the programme or what was measured."""

from modules.health.programmes import texts
from notifications.api import Param, Template

AHEAD = Template(
    "health.care_ahead",
    texts.AHEAD_TITLE,
    texts.AHEAD_BODY,
    params={"from_on": Param.DATE, "until_on": Param.DATE},
)
RECALL = Template(
    "health.care_recall",
    texts.RECALL_TITLE,
    texts.RECALL_BODY,
    params={"until_on": Param.DATE},
)
BOOKED = Template(
    "health.care_booked", texts.BOOKED_TITLE, texts.BOOKED_BODY, params={"at": Param.MOMENT}
)
MEASURE = Template(
    "health.care_measure",
    texts.MEASURE_TITLE,
    texts.MEASURE_BODY,
    params={"days": Param.NUMBER},
)
ALERT = Template("health.care_alert", texts.ALERT_TITLE, texts.ALERT_BODY)
PLAN = Template("health.care_plan", texts.PLAN_TITLE, texts.PLAN_BODY)
