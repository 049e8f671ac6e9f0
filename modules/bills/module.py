"""The manifest of bills."""

from core.manifest import Manifest, Service, ServiceKind, Theme

_SERVICES = (
    Service(
        44,
        "water-bill-payment",
        "水费缴纳",
        "Water bill payment",
        Theme.LOVE_CITY,
        ServiceKind.PAYMENT,
        department="water",
        identity_level=1,
    ),
    Service(
        45,
        "electricity-bill-payment",
        "电费缴纳",
        "Electricity bill payment",
        Theme.LOVE_CITY,
        ServiceKind.PAYMENT,
        department="electricity",
        identity_level=1,
    ),
    Service(
        46,
        "gas-bill-payment",
        "燃气费缴纳",
        "Gas bill payment",
        Theme.LOVE_CITY,
        ServiceKind.PAYMENT,
        department="gas",
        identity_level=1,
    ),
    Service(
        47,
        "heating-bill-payment",
        "暖气费缴纳",
        "Heating bill payment",
        Theme.LOVE_CITY,
        ServiceKind.PAYMENT,
        department="heating",
        identity_level=1,
    ),
    Service(
        48,
        "bill-reminder",
        "账单提醒",
        "Bill reminder",
        Theme.LOVE_CITY,
        ServiceKind.SUBSCRIPTION,
        department="big_data",
        identity_level=1,
    ),
    Service(
        49,
        "utility-outage-notice",
        "停水停电停气通知",
        "Utility outage notices",
        Theme.LOVE_CITY,
        ServiceKind.SUBSCRIPTION,
        department="utilities",
        identity_level=0,
    ),
)

MANIFEST = Manifest(name="bills", services=_SERVICES)
