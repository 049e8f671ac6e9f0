"""The catalogue: the sixty-three services of the project's list, and what was added since."""

import csv
from collections.abc import Sequence

import pytest

from bff.trusted.documents import documents_of
from core.catalogue import Service, ServiceStatus, Theme
from core.city import load_city
from core.manifest import discover
from core.texts import Locale
from tests.asgi import Client
from tests.conftest import ROOT
from tests.shared_data import SHARED

GIVEN = 63
"""The services of the list; later ones take the numbers behind them."""
LIST = SHARED / "services.csv"


EXAMPLES = {
    service.id
    for manifest in discover(examples=True)
    if manifest.package == "modules._example"
    for service in manifest.services
}


def _services() -> list[Service]:
    return sorted(
        (service for manifest in discover() for service in manifest.services),
        key=lambda service: service.number,
    )


@pytest.fixture(scope="module")
def rows() -> Sequence[dict[str, str]]:
    """The list that the project was given, where it lies beside the tree."""
    if not LIST.exists():
        pytest.skip(f"{LIST} is absent: there is nothing to compare the catalogue with")
    with LIST.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_numbers_run_from_1_on_without_a_gap() -> None:
    numbers = [service.number for service in _services()]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= GIVEN


def test_the_catalogue_begins_with_the_given_list(rows: Sequence[dict[str, str]]) -> None:
    city = load_city(ROOT / "cities/jinan.toml")
    declared = [
        {
            "number": str(service.number),
            "id": service.id,
            "name_zh": service.name_zh,
            "name_en": service.name_en,
            "theme": city.themes[service.theme].zh,
            "kind": service.kind.lower(),
            "department": city.departments[service.department].zh,
            "identity_level": str(service.identity_level),
        }
        for service in _services()[:GIVEN]
    ]
    columns = declared[0].keys()
    assert [{column: row[column] for column in columns} for row in rows] == declared


def test_each_service_lives_in_one_module_or_wing() -> None:
    owners: dict[str, list[str]] = {}
    for manifest in discover():
        for service in manifest.services:
            owners.setdefault(service.id, []).append(manifest.package)
    assert all(len(packages) == 1 for packages in owners.values())


def test_a_living_service_has_a_document_and_a_planned_one_has_none() -> None:
    documents = documents_of(discover())
    living = {s.id for s in _services() if s.status is ServiceStatus.LIVE}
    assert living >= {"housing-fund-query"}
    for service in _services():
        document = documents.for_service(service.id)
        assert (document is not None) is (service.id in living), service.id


async def test_the_api_shows_the_same_catalogue_in_both_languages(client: Client) -> None:
    query = """
    query Catalogue($locale: Locale!) {
      services { id number name(locale: $locale) theme kind department(locale: $locale)
        identityLevel status documentId deepLink }
    }"""
    for locale in Locale:
        shown = (await client.data(query, {"locale": locale.name}))["services"]
        ours = [row for row in shown if row["id"] not in EXAMPLES]
        for row, service in zip(ours, _services(), strict=True):
            name = service.name_zh if locale is Locale.ZH else service.name_en
            assert (row["id"], row["number"], row["name"]) == (service.id, service.number, name)
            assert row["kind"] == service.kind
            assert row["identityLevel"] == service.identity_level
            assert (row["documentId"] is not None) is (row["status"] == "LIVE")
            assert service.id in row["deepLink"]
            assert row["department"]


@pytest.mark.parametrize("theme", Theme)
async def test_a_theme_shows_its_own_services(client: Client, theme: Theme) -> None:
    query = "query T($theme: Theme!) { services(theme: $theme) { id theme } }"
    shown = (await client.data(query, {"theme": theme.name}))["services"]
    expected = [service.id for service in _services() if service.theme is theme]
    assert [row["id"] for row in shown if row["id"] not in EXAMPLES] == expected
    assert {row["theme"] for row in shown} == {theme.name}
