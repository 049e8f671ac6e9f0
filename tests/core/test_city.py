"""The city file: what is the city's is read from there, and what is missing is named."""

from datetime import date
from pathlib import Path

import pytest

from core.catalogue import Theme
from core.city import Calendar, CityFileError, load_city
from core.manifest import discover
from core.texts import Locale
from tests.conftest import ROOT

TWICE = "\n[[calendar]]\nyear = 2026\nholidays = []\nmake_up_days = []\n"
CITIES = sorted((ROOT / "cities").glob("*.toml"))


@pytest.mark.parametrize("path", CITIES, ids=lambda path: path.stem)
def test_a_city_names_everything_the_catalogue_needs(path: Path) -> None:
    city = load_city(path)
    assert set(city.themes) == set(Theme)
    services = [service for manifest in discover() for service in manifest.services]
    assert {service.department for service in services} <= set(city.departments)
    assert city.deep_link.format(id="x").count("x") >= 1
    assert len(city.division_code) == 6
    assert all(code[:4] == city.division_code[:4] for code in city.districts)
    for named in (*city.themes.values(), *city.departments.values(), *city.districts.values()):
        assert named.say(Locale.ZH)
        assert named.say(Locale.EN).isascii()


def test_jinan_is_one_of_them() -> None:
    assert ROOT / "cities/jinan.toml" in CITIES


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace('slug = "jinan"', ""), "slug"),
        (lambda text: text.replace("[districts]", "[parishes]"), "districts"),
        (lambda text: text.replace('[name]\nzh = "济南市"', "[name]"), "zh"),
        (lambda text: text + "\n[", "at end of document"),
        (lambda text: text.replace("year = 2026", ""), "year"),
        (lambda text: text + TWICE, "twice"),
    ],
    ids=["no slug", "no districts", "half a name", "no TOML", "no year", "a year twice"],
)
def test_what_is_missing_is_named_in_one_line(tmp_path: Path, change: object, told: str) -> None:
    assert callable(change)
    path = tmp_path / "city.toml"
    path.write_text(change((ROOT / "cities/jinan.toml").read_text(encoding="utf-8")), "utf-8")
    with pytest.raises(CityFileError) as refused:
        load_city(path)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_calendar_is_overdue_from_the_first_of_december_on() -> None:
    calendar = Calendar(frozenset(), frozenset(), frozenset({2026}))
    assert calendar.overdue_years(date(2026, 1, 1)) == []
    assert calendar.overdue_years(date(2026, 11, 30)) == []
    assert calendar.overdue_years(date(2026, 12, 1)) == [2027]
    assert calendar.overdue_years(date(2027, 1, 1)) == [2027]
    assert calendar.overdue_years(date(2027, 12, 1)) == [2027, 2028]
    early = Calendar(frozenset({date(2026, 12, 31)}), frozenset(), frozenset({2025, 2027}))
    assert early.is_provisional(date(2026, 12, 31)) and early.is_holiday(date(2026, 12, 31))
    assert early.is_holiday(date(2026, 10, 1)) and not early.is_holiday(date(2026, 10, 8))


def test_no_file_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(CityFileError, match="no city file at"):
        load_city(tmp_path / "nowhere.toml")


def test_nothing_of_the_city_stands_in_the_code() -> None:
    """Offline training apart: it simulates one city's firms and no process imports it."""
    named = [
        str(path.relative_to(ROOT))
        for wing in ("core", "notifications", "payments", "kinds", "credit", "modules", "bff")
        for path in (ROOT / wing).rglob("*.py")
        if path.relative_to(ROOT).parts[:2] != ("credit", "training")
        and any(word in path.read_text(encoding="utf-8") for word in ("济南", "Jinan", "3701"))
    ]
    assert named == []
