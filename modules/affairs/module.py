"""The manifest of affairs."""

from core.manifest import Manifest, Service, ServiceKind, Theme

_SERVICES = (
    Service(
        1,
        "gov-item-search",
        "政务事项与办事指南查询",
        "Government item and guide search",
        Theme.GOVERNMENT,
        ServiceKind.QUERY,
        department="administrative_approval",
        identity_level=0,
    ),
    Service(
        2,
        "gov-case-apply",
        "办件申请(统一受理)",
        "Unified case application",
        Theme.GOVERNMENT,
        ServiceKind.APPLICATION,
        department="administrative_approval",
        identity_level=2,
    ),
    Service(
        3,
        "gov-case-progress",
        "办件进度查询",
        "Case progress",
        Theme.GOVERNMENT,
        ServiceKind.QUERY,
        department="administrative_approval",
        identity_level=1,
    ),
    Service(
        5,
        "gov-rating",
        "政务服务好差评",
        "Service rating",
        Theme.GOVERNMENT,
        ServiceKind.REPORT,
        department="administrative_approval",
        identity_level=1,
    ),
    Service(
        6,
        "e-licence",
        "电子证照亮证",
        "Electronic licence wallet",
        Theme.GOVERNMENT,
        ServiceKind.QUERY,
        department="big_data",
        identity_level=2,
    ),
    Service(
        7,
        "residence-permit-apply",
        "居住证申领",
        "Residence permit application",
        Theme.GOVERNMENT,
        ServiceKind.APPLICATION,
        department="police",
        identity_level=2,
    ),
    Service(
        50,
        "service-outlets",
        "办事网点查询",
        "Service outlet lookup",
        Theme.LOVE_CITY,
        ServiceKind.QUERY,
        department="administrative_approval",
        identity_level=0,
    ),
)

MANIFEST = Manifest(name="affairs", services=_SERVICES)
