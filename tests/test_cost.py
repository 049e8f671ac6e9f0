"""A service costs what its kind should cost, or no more than it does today."""

from bff.commands.cost import AIMS, list_beside, list_costs
from bff.schema.build import build_schema
from bff.trusted.documents import documents_of
from core.manifest import discover

ABOVE_AIM: dict[str, tuple[int, int]] = {
    "e-licence": (465, 59),
    "bus-realtime": (234, 50),
    "trip-plan": (1255, 38),
    "bus-arrival-alert": (844, 51),
    "transit-ride-code": (579, 77),
    "traffic-conditions": (401, 30),
    "parking-availability": (248, 19),
    "parking-payment": (740, 112),
    "traffic-violation-query": (288, 19),
    "traffic-fine-payment": (690, 95),
    "ehealth-card": (584, 61),
    "smart-triage": (416, 53),
    "hospital-registration": (126, 116),
    "visit-appointment": (240, 102),
    "medical-payment": (1180, 136),
    "medical-report": (273, 133),
    "health-record": (1498, 81),
    "hypertension-care": (174, 63),
    "diabetes-care": (192, 59),
    "maternal-care": (698, 186),
    "infant-care": (787, 116),
    "vaccination-appointment": (592, 134),
    "outpatient-queue": (452, 62),
    "snap-report": (1422, 12),
    "snap-report-progress": (1422, 12),
    "grid-lookup": (155, 11),
    "pension-insurance-query": (229, 67),
    "medical-insurance-query": (148, 83),
    "unemployment-insurance-query": (90, 44),
    "work-injury-insurance-query": (104, 48),
    "maternity-insurance-query": (93, 44),
    "housing-fund-query": (134, 33),
    "bill-reminder": (568, 81),
    "utility-outage-notice": (597, 91),
    "service-outlets": (296, 15),
    "real-estate-query": (287, 39),
    "marriage-registration-appointment": (0, 14),
    "spring-air-quality": (487, 42),
    "school-entry-push": (1340, 62),
    "school-video": (821, 31),
    "emergency-alerts": (1134, 55),
    "shelter-lookup": (167, 16),
    "loan-products": (470, 95),
    "loan-progress": (1716, 68),
}
"""Lines of Python and of documents of the services above their kind's aim. It may only shrink."""


def test_no_service_costs_more_than_it_may() -> None:
    manifests = discover()
    tiles = [service for manifest in manifests for service in manifest.services]
    costs = list_costs(tiles, documents_of(manifests), build_schema(manifests)._schema)
    assert len(costs) >= 20
    for cost in costs:
        python, documents = ABOVE_AIM.get(cost.service.id, AIMS[cost.service.kind])
        assert cost.python <= python, f"{cost.service.id}: {cost.python} lines of Python"
        assert cost.documents <= documents, f"{cost.service.id}: {cost.documents} of documents"
    beside = list_beside(costs)
    assert not beside.keys() & {folder for cost in costs for folder in cost.folders}
    assert "modules/utilities/autopay" in beside
    above = {cost.service.id for cost in costs if cost.is_above_aim}
    assert above == set(ABOVE_AIM), "who has come below the aim leaves the list"
