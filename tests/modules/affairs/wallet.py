"""An e-licence system in memory, and a verifier, for tests of showing a licence."""

from dataclasses import replace
from datetime import date
from typing import Any

import orjson

from core.people.personal_read import Access
from core.texts import Named
from core.upstream.records import Records
from modules.affairs.licences.domain import Licence, LicenceField, LicenceStatus
from modules.affairs.results.upstream import LicenceOrder
from tests.asgi import Answer, Client
from tests.fakes import Silence

CHECK = "/licences/v1/check"
PRESENT = """mutation($id: ID!, $fields: [String!]!, $key: String!) {
  presentLicence(licenceRef: $id, fields: $fields, idempotencyKey: $key) {
    ... on LicencePresented { presentation { id code expiresAt fields } }
    ... on Refusal { code } } }"""
CANCEL = """mutation($id: ID!, $key: String!) {
  cancelLicencePresentation(presentationId: $id, idempotencyKey: $key) {
    __typename ... on Refusal { code } } }"""


def licence(licence_ref: str, status: LicenceStatus = LicenceStatus.VALID) -> Licence:
    """A resident card."""
    contents = {"name": "张三", "resident_id": "110105199003070010", "is_adult": "是"}
    return Licence(
        licence_ref,
        "resident_card",
        Named("居民身份证", "Resident identity card"),
        "沙盒市公安局",
        date(2020, 1, 2),
        date(2040, 1, 2),
        status,
        [LicenceField(name, Named(name, name), value) for name, value in contents.items()],
    )


class FakeLicences(Silence):
    """Every person's wallet holds the same two licences, and what cases granted."""

    name = "e_licences"

    def __init__(self) -> None:
        super().__init__()
        self.licences = [licence("card"), licence("old", LicenceStatus.EXPIRED)]
        self.unreadable = 0
        self.orders: dict[str, LicenceOrder] = {}

    async def list_licences(self, access: Access) -> Records[Licence]:
        """See modules.affairs.licences.upstream."""
        self.answer("list_licences")
        return Records(list(self.licences), self.unreadable)

    async def find_licence(self, access: Access, licence_ref: str) -> Licence | None:
        """See modules.affairs.licences.upstream."""
        self.answer("find_licence")
        return next((one for one in self.licences if one.licence_ref == licence_ref), None)

    async def issue_licence(self, order: LicenceOrder) -> Licence:
        """See modules.affairs.results.upstream."""
        self.answer("issue_licence")
        if order.case_no not in self.orders:
            self.orders[order.case_no] = order
            granted = replace(
                licence(f"of-{order.case_no}"),
                kind=order.kind,
                name=order.name,
                issuer_zh=order.issuer_zh,
                valid_until=order.valid_until,
            )
            self.licences.append(granted)
        return next(one for one in self.licences if one.licence_ref == f"of-{order.case_no}")

    def revoke(self, licence_ref: str) -> None:
        """The issuer takes a licence back."""
        self.licences = [
            replace(one, status=LicenceStatus.REVOKED) if one.licence_ref == licence_ref else one
            for one in self.licences
        ]


async def check(client: Client, key: str | None, code: Any, reason: Any = "入住登记") -> Answer:
    """What a verifier with a key is answered."""
    headers = {"authorization": f"Bearer {key}", "accept-language": "en"} if key else {}
    body = orjson.dumps({"code": code, "reason": reason})
    return await client.post(body, path=CHECK, headers=headers)


def title(answer: Answer) -> tuple[int, str]:
    """The status and the stable code of a refusal."""
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status, answer.json["title"]
