"""Alerts written as CAP 1.2, in the order of its schema; `core.standards.cap` reads them."""

from datetime import datetime

from lxml import etree
from lxml.etree import _Element as Element

from core.clock import SHANGHAI
from core.standards.cap import NAMESPACE, CapAlert, CapArea, CapInfo


def write_alert(alert: CapAlert) -> Element:
    """The alert as an element of CAP 1.2, in the order of its schema."""
    root = etree.Element(f"{{{NAMESPACE}}}alert", nsmap={None: NAMESPACE})
    _add(root, "identifier", alert.identifier)
    _add(root, "sender", alert.sender)
    _add(root, "sent", _stamp(alert.sent_at))
    _add(root, "status", alert.status)
    _add(root, "msgType", alert.msg_type)
    _add(root, "scope", alert.scope)
    _add(root, "note", alert.note)
    stamps = [f"{r.sender},{r.identifier},{_stamp(r.sent_at)}" for r in alert.references]
    _add(root, "references", " ".join(stamps))
    for info in alert.infos:
        _write_info(etree.SubElement(root, f"{{{NAMESPACE}}}info"), info)
    return root


def _write_info(root: Element, info: CapInfo) -> None:
    _add(root, "language", info.language)
    for category in info.categories:
        _add(root, "category", category)
    _add(root, "event", info.event)
    for response in info.responses:
        _add(root, "responseType", response)
    _add(root, "urgency", info.urgency)
    _add(root, "severity", info.severity)
    _add(root, "certainty", info.certainty)
    for name, moment in (
        ("effective", info.effective_at),
        ("onset", info.onset_at),
        ("expires", info.expires_at),
    ):
        _add(root, name, _stamp(moment) if moment else "")
    for name, text in (
        ("senderName", info.sender_name),
        ("headline", info.headline),
        ("description", info.description),
        ("instruction", info.instruction),
        ("web", info.web),
        ("contact", info.contact),
    ):
        _add(root, name, text)
    for area in info.areas:
        _write_area(etree.SubElement(root, f"{{{NAMESPACE}}}area"), area)


def _write_area(root: Element, area: CapArea) -> None:
    _add(root, "areaDesc", area.description)
    for ring in area.polygons:
        _add(root, "polygon", " ".join(f"{point.lat},{point.lon}" for point in ring))
    for circle in area.circles:
        _add(root, "circle", f"{circle.centre.lat},{circle.centre.lon} {circle.radius_km}")
    for name, value in area.geocodes:
        code = etree.SubElement(root, f"{{{NAMESPACE}}}geocode")
        _add(code, "valueName", name)
        etree.SubElement(code, f"{{{NAMESPACE}}}value").text = value


def _add(root: Element, name: str, text: str) -> None:
    """A child with a text; without one there is none."""
    if text:
        etree.SubElement(root, f"{{{NAMESPACE}}}{name}").text = text


def _stamp(moment: datetime) -> str:
    """A time as the schema wants it: to the second, with an offset and not `Z`."""
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds")
