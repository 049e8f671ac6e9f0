"""What an outside system leaves out is not known: no form of its answers makes a fact of silence.

Looked at are the forms of all declared operations and of all that others send us: every field that
may be left out stands below, with what its absence says.
"""

from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel

from core.manifest import Manifest
from core.upstream.operation import NOTHING, SYSTEMS, Operation
from credit.partner.operation import Body

_OURS = "nothing of theirs: we put it there, whatever they send"
_NOT_YET = "it is not there yet"
_ITS_OWN_RULE = "/partner/openapi.json tells banks what holds without it"
LEFT_OUT = {
    "BillerBill.least_part_fen": "paid whole alone, the narrower of the two",
    "BillerInvoice.invoice_no": _NOT_YET,
    "BillerInvoice.invoice_url": _NOT_YET,
    "BillerInvoice.issued_at": _NOT_YET,
    "DecidedRefund.refund_ref": "they do not know yet that it went back, and are told again",
    "EligibilityBody.least": "no lower bound",
    "EligibilityBody.most": "no upper bound",
    "FeeBody.amount_fen": "it is a share; a fee that is neither is refused",
    "FeeBody.share_bps": "it is an amount; a fee that is neither is refused",
    "InsuredPerson.document_no": "filed by an ID number; by neither it is nobody's",
    "InsuredPerson.document_type": "the same",
    "InsuredPerson.resident_id": "filed by another document",
    "OutletQueue.age_s": _OURS,
    "OutletQueue.is_current": _OURS,
    "Payout.reason": "none is told",
    "Payout.receipt_no": _NOT_YET,
    "PensionRecord.projection": _OURS,
    "ProductBody.eligibility": _ITS_OWN_RULE,
    "ProductBody.fees": _ITS_OWN_RULE,
    "ProductBody.order": _ITS_OWN_RULE,
    "ProductBody.penalty_bps": _ITS_OWN_RULE,
    "ProductBody.sources": _ITS_OWN_RULE,
    "RedInvoice.confirm_by": "nobody has to confirm it",
    "RedInvoice.issued_at": _NOT_YET,
    "RedInvoice.red_invoice_no": _NOT_YET,
    "RedInvoice.red_invoice_url": _NOT_YET,
    "RepaymentBody.prepays": _ITS_OWN_RULE,
    "StayReceipt.exit_by": "not known, and not told to the driver",
    "TrafficViolation.evidence": _OURS,
    "TrafficViolation.settle_link": _OURS,
    "_Certified.born_on": "not confirmed; a birth without it is refused",
    "_Certified.name": "not confirmed; a birth without it is refused",
    "_Family.birth_certificate_no": "not known",
}
"""Field by field; the list may only shrink."""

READ_BY_HAND = {
    "alipay_mini.call": "signed text",
    "alipay_sign_in.call": "signed text",
    "bus_feed.fetch_realtime": "protobuf",
    "bus_feed.fetch_schedule": "a file",
    "hospital_records.fetch_file": "a file",
    "hospital_records.read_everything": "FHIR",
    "hospital_records.read_next": "FHIR",
    "hospital_records.search_patients": "FHIR",
    "hospital_records.search_reports": "FHIR",
    "school_video.fetch_file": "a file",
    "settlement_bank.fetch_statement": "ISO 20022",
    "settlement_bank.send_orders": "ISO 20022",
    "traffic.list_situations": "DATEX II",
    "traffic_police.fetch_evidence": "a picture",
}
"""Operations whose answers no type reads, and what they are; the list may only shrink."""


def test_nothing_is_made_of_silence(manifests: tuple[Manifest, ...]) -> None:
    operations = [one for system in SYSTEMS.of(manifests) for one in system.operations.values()]
    assert len(operations) > 100
    read = [one.answers.form for one in operations if one.answers.form is not None]
    sent = [one for one in _below(BaseModel) if one.__module__.startswith("modules.")]
    forms = {form for each in (*read, *sent, *_below(Body)) for form in _forms(each)}
    found = {f"{form.__name__}.{name}" for form in forms for name in _optional(form)}
    assert found == set(LEFT_OUT)


def test_the_answers_that_no_type_reads_are_known(manifests: tuple[Manifest, ...]) -> None:
    found = {
        _name(one)
        for system in SYSTEMS.of(manifests)
        for one in system.operations.values()
        if one.answers.form is None and one.answers is not NOTHING
    }
    assert found == set(READ_BY_HAND)


def _name(operation: Operation[..., Any]) -> str:
    return f"{operation.system.name}.{operation.name}"


def _below(form: type) -> Iterator[type]:
    for below in form.__subclasses__():
        yield below
        yield from _below(below)


def _forms(hint: Any) -> Iterator[type]:
    """The dataclasses and models of a type, and those within them."""
    for argument in get_args(hint):
        yield from _forms(argument)
    if isinstance(hint, type) and (is_dataclass(hint) or issubclass(hint, BaseModel)):
        yield hint
        for within in get_type_hints(hint).values():
            yield from _forms(within)


def _optional(form: type) -> Iterator[str]:
    if issubclass(form, BaseModel):
        yield from (name for name, one in form.model_fields.items() if not one.is_required())
        return
    for one in fields(form):  # type: ignore[arg-type]  # `_forms` gives dataclasses
        if one.init and not (one.default is MISSING and one.default_factory is MISSING):
            yield one.name
