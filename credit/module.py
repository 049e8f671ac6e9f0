"""The manifest of credit."""

from core.manifest import Manifest, Service, ServiceKind, Theme

_SERVICES = (
    Service(
        61,
        "loan-products",
        "融资产品查询",
        "Financing products",
        Theme.FINANCE,
        ServiceKind.QUERY,
        department="finance",
        identity_level=0,
    ),
    Service(
        62,
        "loan-apply",
        "融资申请",
        "Financing application",
        Theme.FINANCE,
        ServiceKind.APPLICATION,
        department="finance",
        identity_level=2,
    ),
    Service(
        63,
        "loan-progress",
        "融资进度查询",
        "Financing progress",
        Theme.FINANCE,
        ServiceKind.QUERY,
        department="finance",
        identity_level=2,
    ),
)

MANIFEST = Manifest(
    name="credit",
    services=_SERVICES,
    commands=(("credit", "credit.cli:app"),),
)
