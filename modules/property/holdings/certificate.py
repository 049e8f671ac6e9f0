"""The certificate of no property: issued on a live answer alone, signed, verified by its code.

Nothing is kept of it. The code is a JWS (RFC 7515) of ours that holds what the certificate says;
who reads it needs our public keys (`/.well-known/jwks.json`), or asks
`verifyNoPropertyCertificate`. The PDF is made of the code when it is fetched, and signed whole.
"""

import secrets
from datetime import UTC, datetime, timedelta

import jwt

from core.clock import civil_date, civil_time
from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.errors import Conflict, NotFound, Unavailable
from core.people.directory import get_person
from core.people.personal_files import PersonalFile, file_link, file_routes
from core.people.personal_read import Access
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.security.vault import mask_document_no, mask_name
from core.standards.sheet import Line, Sheet, document_title
from core.standards.signed_sheet import render_signed
from core.upstream.readings import ReadStatus
from modules.property.holdings import texts
from modules.property.holdings.domain import CertificateFacts, NoPropertyCertificate
from modules.property.holdings.lookup import HOLDINGS

KIND = "no-property"
VALID = timedelta(days=30)
_CLAIMS = ("no", "nam", "rid", "asof", "exp")


async def issue(call: Call) -> NoPropertyCertificate:
    """A certificate for the viewer, on what the registry answers at this moment.

    Raises LoginRequired below level 2, Forbidden CONSENT_REQUIRED, Conflict OWNS_PROPERTY,
    Unavailable while the registry is silent, its answer cannot be read whole, or no document key
    is there.
    """
    app = call.app
    if app.keys.document_signing is None:
        raise Unavailable(texts.NO_CERTIFICATES)
    reading = await HOLDINGS.read(call)
    record = reading.value
    if reading.status is not ReadStatus.LIVE or record is None or record.unreadable:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.REGISTRY)
    if record.holdings:
        raise Conflict(texts.OWNS_PROPERTY)
    person, now = await get_person(app, call.subject_id), app.clock.now()
    claims = {
        "no": f"{civil_date(now):%Y%m%d}{secrets.randbelow(10**8):08d}",
        "nam": mask_name(person.name or ""),
        "rid": mask_document_no(person.document_no or ""),
        "asof": int((reading.as_of or now).timestamp()),
    }
    code = app.tokens.sign(claims, audience=KIND, life=VALID)
    link = file_link(app, KIND, record.access_id, code)
    return NoPropertyCertificate(read_code(app, code), code, link)


def read_code(app: App, code: str) -> CertificateFacts:
    """What a code says. Raises NotFound for one that is forged, of another kind or over."""
    try:
        claims = app.tokens.read(code, audience=KIND, claims=_CLAIMS)
        return CertificateFacts(
            certificate_no=str(claims["no"]),
            holder=str(claims["nam"]),
            holder_id_no=str(claims["rid"]),
            as_of=datetime.fromtimestamp(int(claims["asof"]), UTC),
            valid_until=datetime.fromtimestamp(int(claims["exp"]), UTC),
        )
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError):
        raise NotFound(NOT_FOUND) from None


async def load(app: App, deadline: Deadline, access: Access, ref: str) -> PersonalFile:
    """The signed PDF of a certificate of the person in an access. Raises NotFound."""
    facts = read_code(app, ref)
    page = Sheet(
        title=texts.TITLE,
        number=facts.certificate_no,
        city=app.city.name,
        issuer=app.city.app_name,
        lines=[
            Line("姓名", "Name", access.person.name or ""),
            Line(*document_title(access.person.document_kind), facts.holder_id_no),
            Line("登记情况", "Real estate", f"{texts.STATEMENT.zh} / {texts.STATEMENT.en}"),
            Line("查询时间", "As of", civil_time(facts.as_of)),
            Line("有效期至", "Valid until", civil_time(facts.valid_until)),
        ],
        note=texts.NOTE,
        qr=ref,
    )

    body = await render_signed(app.keys, page, at=facts.as_of)
    if body is None:
        raise NotFound(NOT_FOUND)
    return PersonalFile(body, "application/pdf", f"no-property-{facts.certificate_no}.pdf")


ROUTES = file_routes(KIND, load)
