"""What messages hold about people."""

from core.people.data_rights import PersonalData
from notifications.campaigns.models import CAMPAIGNS
from notifications.messages import models as messages
from notifications.operations.models import SWITCHES
from notifications.reach import models as reach
from notifications.webhooks import models as webhooks

PERSONAL = PersonalData(
    "notifications",
    (*messages.TABLES, CAMPAIGNS, SWITCHES, *reach.TABLES, *webhooks.TABLES),
)
