"""The manifest of welfare."""

from core.manifest import (
    HomeSection,
    Manifest,
    Service,
    ServiceKind,
    ServiceStatus,
    Theme,
)
from modules.welfare import texts
from modules.welfare.upstream import CENTRE

_SERVICES = (
    Service(
        37,
        "pension-insurance-query",
        "养老保险查询",
        "Pension insurance query",
        Theme.LOVE_CITY,
        ServiceKind.QUERY,
        department="social_insurance",
        identity_level=2,
    ),
    Service(
        38,
        "medical-insurance-query",
        "医疗保险查询",
        "Medical insurance query",
        Theme.LOVE_CITY,
        ServiceKind.QUERY,
        department="medical_insurance",
        identity_level=2,
    ),
    Service(
        39,
        "unemployment-insurance-query",
        "失业保险查询",
        "Unemployment insurance query",
        Theme.LOVE_CITY,
        ServiceKind.QUERY,
        department="social_insurance",
        identity_level=2,
    ),
    Service(
        40,
        "work-injury-insurance-query",
        "工伤保险查询",
        "Work-injury insurance query",
        Theme.LOVE_CITY,
        ServiceKind.QUERY,
        department="social_insurance",
        identity_level=2,
    ),
    Service(
        41,
        "maternity-insurance-query",
        "生育保险查询",
        "Maternity insurance query",
        Theme.LOVE_CITY,
        ServiceKind.QUERY,
        department="medical_insurance",
        identity_level=2,
    ),
    Service(
        42,
        "housing-fund-query",
        "住房公积金查询",
        "Housing fund query",
        Theme.LOVE_CITY,
        ServiceKind.QUERY,
        department="housing_fund",
        identity_level=2,
        status=ServiceStatus.LIVE,
        for_others=True,
    ),
    Service(
        43,
        "housing-fund-withdrawal",
        "住房公积金提取",
        "Housing fund withdrawal",
        Theme.LOVE_CITY,
        ServiceKind.APPLICATION,
        department="housing_fund",
        identity_level=2,
    ),
)

MANIFEST = Manifest(
    name="welfare",
    services=_SERVICES,
    home=(
        HomeSection(
            "housing-fund",
            texts.HOUSING_FUND,
            load="modules.welfare.graphql:housing_fund_card",
            identity_level=2,
        ),
    ),
    queries=("modules.welfare.graphql:Query",),
    types=("modules.welfare.graphql:HousingFundSection",),
    upstreams=(CENTRE,),
    extensions=(("privacy.purposes", "modules.welfare.service:HOUSING_FUND_PURPOSE"),),
)
