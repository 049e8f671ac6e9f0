"""Reports of five hospitals read and merged in process: what it costs, and what checking costs."""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from fhir.resources.R4B.bundle import Bundle

from core.standards import fhir_check, fhir_json
from core.standards.fhir_bundle import read_page
from core.standards.fhir_json import Number
from modules.health.hospitals.identifiers import RESIDENT_ID_SYSTEM
from modules.health.records.domain import Received
from modules.health.records.merge import Merged, merge_reports
from modules.health.records.reading import read_received

HOSPITALS = ("h1", "h2", "h3", "h4", "h5")
REPORTS, RESULTS, SHARED = 50, 6, 10
"""Reports of each hospital, results of each report, and reports that all hospitals have."""
ROUNDS = 15
NUMBER = "500099198805170011"
SLOWEST_S = 0.5
UCUM = "http://unitsofmeasure.org"


def records_merge() -> dict[str, Any]:
    """Milliseconds of processor time from the bytes of five Bundles to one merged list."""
    bodies = [_bundle(hospital) for hospital in HOSPITALS]
    ours_ms = _cpu_ms(lambda: _merge(bodies))
    peer_ms = _cpu_ms(lambda: [Bundle.model_validate_json(body) for body in bodies])
    parsed = [fhir_json.loads(body)["entry"] for body in bodies]
    check_ms = _cpu_ms(
        lambda: [fhir_check.is_valid(entry["resource"]) for every in parsed for entry in every]
    )
    ratios = sorted(asyncio.run(_answer_s(bodies)) / SLOWEST_S for _ in range(5))
    return {
        "ours": round(ours_ms, 1),
        "peer": "fhir.resources, parsing alone",
        "peer_value": round(peer_ms, 1),
        "ratio": round(ours_ms / peer_ms, 2),
        "unit": "ms of CPU",
        "conditions": {
            "hospitals": len(HOSPITALS),
            "reports": REPORTS * len(HOSPITALS),
            "results": REPORTS * RESULTS * len(HOSPITALS),
            "merged_to": len(_merge(bodies)),
            "kilobytes": round(sum(map(len, bodies)) / 1000),
            "checking_ms": round(check_ms, 1),
            "answer_over_slowest_hospital": round(statistics.median(ratios), 3),
        },
    }


async def _answer_s(bodies: Sequence[bytes]) -> float:
    """How long a merged answer takes when the hospitals take 100 to 500 ms each."""

    async def ask(number: int) -> Received:
        await asyncio.sleep(SLOWEST_S * (number + 1) / len(bodies))
        return await asyncio.to_thread(_read, HOSPITALS[number], bodies[number])

    begun_s = time.perf_counter()
    received = await asyncio.gather(*(ask(number) for number in range(len(bodies))))
    merge_reports(report for one in received for report in one.reports)
    return time.perf_counter() - begun_s


def _merge(bodies: Sequence[bytes]) -> Sequence[Merged]:
    received = [_read(ref, body) for ref, body in zip(HOSPITALS, bodies, strict=True)]
    return merge_reports(report for one in received for report in one.reports)


def _read(hospital: str, body: bytes) -> Received:
    return read_received(hospital, (RESIDENT_ID_SYSTEM, NUMBER), [read_page(body)], truncated=False)


def _cpu_ms(run: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        begun_s = time.process_time()
        run()
        times.append((time.process_time() - begun_s) * 1000)
    return statistics.median(times)


def _bundle(hospital: str) -> bytes:
    """A hospital's reports of one person; the first ones are known to all hospitals."""
    subject = {"reference": "Patient/p"}
    identifier = [{"system": RESIDENT_ID_SYSTEM, "value": NUMBER}]
    resources: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": "p", "identifier": identifier}
    ]
    for number in range(REPORTS):
        at = f"20{10 + number % 16:02d}-05-17T08:{number:02d}:00+08:00"
        system = "urn:shared" if number < SHARED else f"urn:{hospital}"
        observations = [
            _observation(f"o{number}-{result}", result, at, subject) for result in range(RESULTS)
        ]
        resources += observations
        resources.append(
            {
                "resourceType": "DiagnosticReport",
                "id": f"r{number}",
                "identifier": [{"system": system, "value": str(number)}],
                "status": "final",
                "code": {"text": "血常规"},
                "subject": subject,
                "effectiveDateTime": at,
                "issued": at,
                "result": [{"reference": f"Observation/{one['id']}"} for one in observations],
            }
        )
    entries = [{"resource": resource} for resource in resources]
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
    return fhir_json.dumps(bundle).encode()


def _observation(id_: str, result: int, at: str, subject: dict[str, str]) -> dict[str, Any]:
    def quantity(value: str) -> dict[str, Any]:
        return {"value": Number(value), "unit": "mmol/L", "system": UCUM, "code": "mmol/L"}

    coding = {"system": "http://loinc.org", "code": f"14{result}-0", "display": "Glucose"}
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"coding": [coding], "text": "空腹血糖"},
        "subject": subject,
        "effectiveDateTime": at,
        "valueQuantity": quantity(f"{result + 4}.10"),
        "referenceRange": [{"low": quantity("3.90"), "high": quantity("6.10")}],
    }


ROWS = {"records_merge": records_merge}
