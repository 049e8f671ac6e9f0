"""DATEX II as others publish it, and what is no such thing.

The published samples are read from the shared data folder; a test is skipped where it is absent.
They are live feeds of July 2026, trimmed by github.com/juherr/datex4j (datasets/README.md): NDW
(Netherlands, CC0), Bison Futé (France, Licence Ouverte 2.0), Fintraffic (Finland, CC BY 4.0).
"""

import time
from datetime import UTC, datetime

import pytest

from core.standards.datex import RoadEventKind, RoadEventSeverity, read_situations
from tests.shared_data import shared


def sample(name: str) -> bytes:
    """A published sample."""
    return shared(f"datex/{name}").read_bytes()


def test_version_3_with_lines() -> None:
    found = read_situations(sample("ndw-situations.xml"))
    assert (len(found.items), found.unreadable) == (11, 0)
    speed, lanes, *_ = found.items
    assert (speed.kind, lanes.kind) == (RoadEventKind.RESTRICTION, RoadEventKind.CLOSURE)
    assert speed.record_id == "RWS01_M1162215_SPEED_MANAGEMENT_D2_WWA"
    assert speed.starts_at == datetime(2026, 7, 3, 10, 25, 45, tzinfo=UTC)
    assert speed.ends_at == datetime(2026, 12, 1, 11, tzinfo=UTC)
    assert len(speed.path) == 20
    assert (speed.path[0].lat, speed.path[0].lon) == (52.693642, 6.207613)
    assert speed.is_real and speed.severity is RoadEventSeverity.MEDIUM


def test_version_3_with_a_point_and_nanoseconds() -> None:
    (obstacle,) = read_situations(sample("ndw-srti.xml")).items
    assert obstacle.kind is RoadEventKind.INCIDENT and obstacle.ends_at is None
    assert [(p.lat, p.lon) for p in obstacle.path] == [(51.46491, 4.0216646)]
    assert obstacle.comments == {"nl": "Botsabsorber"}
    assert obstacle.severity is RoadEventSeverity.UNKNOWN


def test_version_2_with_a_point() -> None:
    (stopped,) = read_situations(sample("bison-fute-events.xml")).items
    assert stopped.kind is RoadEventKind.INCIDENT
    assert [(p.lat, p.lon) for p in stopped.path] == [(48.821583, 2.3988867)]
    assert stopped.comments["fr"].startswith("Sur 500 m; situé 582 m")
    assert stopped.starts_at == datetime(2026, 7, 24, 6, 4, 50, tzinfo=UTC)


def test_version_2_without_coordinates_has_no_path() -> None:
    found = read_situations(sample("fintraffic-roadworks.xml"))
    kinds = [record.kind for record in found.items]
    assert kinds == [RoadEventKind.ROADWORKS, RoadEventKind.CLOSURE, RoadEventKind.RESTRICTION]
    assert all(record.path == [] for record in found.items)
    assert found.items[0].severity is RoadEventSeverity.HIGHEST


RECORD = """<situationRecord xsi:type="Accident" id="A{n}">
  <situationRecordVersionTime>2026-11-23T04:00:00Z</situationRecordVersionTime>
  <validity><validityTimeSpecification><overallStartTime>{start}</overallStartTime>
  </validityTimeSpecification></validity>
  <locationReference><posList>{line}</posList></locationReference></situationRecord>"""
DOCUMENT = """<d2 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <payload xsi:type="SituationPublication"><situation id="S1">
  <headerInformation><informationStatus>{status}</informationStatus></headerInformation>
  {records}</situation></payload></d2>"""
GOOD = RECORD.format(n=1, start="2026-11-23T03:00:00Z", line="36.67 117.0 36.68 117.01")


def document(*records: str, status: str = "real") -> bytes:
    """A publication of these records."""
    return DOCUMENT.format(records="".join(records), status=status).encode()


@pytest.mark.parametrize(
    "bad",
    [
        RECORD.format(n=2, start="2026-02-30T00:00:00Z", line="36.67 117.0"),
        RECORD.format(n=2, start="0000-00-00T00:00:00Z", line="36.67 117.0"),
        RECORD.format(n=2, start="2026-11-23T03:00:00", line="36.67 117.0"),  # without a zone
        RECORD.format(n=2, start="2026-11-23T03:00:00Z", line="36.67 117.0 36.68"),
        RECORD.format(n=2, start="2026-11-23T03:00:00Z", line="117.0 36.67"),  # exchanged
        RECORD.format(n=2, start="2026-11-23T03:00:00Z", line="nan nan"),
        '<situationRecord xsi:type="Accident"/>',
    ],
)
def test_a_bad_record_is_counted_and_the_others_are_read(bad: str) -> None:
    found = read_situations(document(GOOD, bad))
    assert ([record.record_id for record in found.items], found.unreadable) == (["A1"], 1)
    with pytest.raises(ValueError, match="no record"):
        read_situations(document(bad))


def test_no_situations_are_an_answer() -> None:
    assert read_situations(document()).items == []


@pytest.mark.parametrize("status", ["test", "technicalExercise", "securityExercise"])
def test_an_exercise_is_not_real(status: str) -> None:
    (record,) = read_situations(document(GOOD, status=status)).items
    assert not record.is_real


BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 10}">' for n in range(12))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<html/>",
        document(GOOD)[:-20],
        f"<!DOCTYPE d2 [{BOMB}]>".encode() + document(GOOD).replace(b"A1", b"&e11;"),
        b'<!DOCTYPE d2 [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
        + document(GOOD.replace("36.67", "&f;", 1)),
        b'<!DOCTYPE d2 SYSTEM "http://127.0.0.1:9/d2.dtd">' + document(GOOD),
        document(GOOD).decode().encode("utf-16"),
    ],
    ids=["empty", "json", "html", "truncated", "bomb", "file", "remote", "utf-16"],
)
def test_what_is_no_such_document_is_refused_at_once(body: bytes) -> None:
    before = time.process_time()
    try:
        found = read_situations(body)
    except ValueError:
        found = None
    assert time.process_time() - before < 0.5
    # of these only the other encoding is a document, and a good one
    assert (found is not None) == body.startswith((b"\xff\xfe", b"\xfe\xff"))
