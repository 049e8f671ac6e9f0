"""The messages that mobility sends, by payable and ending."""

from modules.mobility.fines import texts as fines
from modules.mobility.parking import texts as parking
from modules.mobility.transit import texts as transit
from notifications.api import Template

PARKING_PAID = Template("mobility.parking-paid", parking.PAID_TITLE, parking.PAID_BODY)
PARKING_REFUSED = Template(
    "mobility.parking-refused", parking.REFUSED_TITLE, parking.REFUSED_BODY, sms=True
)
PARKING_REFUNDED = Template(
    "mobility.parking-refunded", parking.REFUNDED_TITLE, parking.REFUNDED_BODY
)
FINE_PAID = Template("mobility.fine-paid", fines.PAID_TITLE, fines.PAID_BODY)
FINE_REFUSED = Template("mobility.fine-refused", fines.REFUSED_TITLE, fines.REFUSED_BODY, sms=True)
FINE_REFUNDED = Template("mobility.fine-refunded", fines.REFUNDED_TITLE, fines.REFUNDED_BODY)
TRIP_PAID = Template("mobility.trip-paid", transit.PAID_TITLE, transit.PAID_BODY)
TRIP_REFUSED = Template(
    "mobility.trip-refused", transit.REFUSED_TITLE, transit.REFUSED_BODY, sms=True
)
TRIP_REFUNDED = Template("mobility.trip-refunded", transit.REFUNDED_TITLE, transit.REFUNDED_BODY)
