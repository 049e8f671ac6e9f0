"""Role × operation × whose it is, over every root field of the schema.

What each caller must meet follows from the rule that the field declares. The rules of fields that
belong to no service are written here a second time, on purpose: a rule that was loosened must not
prove itself. A field without a rule, or an id argument without objects, is a violation too.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from inspect import isawaitable
from typing import Any, cast
from uuid import uuid4

from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    parse,
    subscribe,
)

from bff.trusted.documents import Documents, documents_of
from core.assurance import Assurance
from core.catalogue import Service, ServiceKind
from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.errors import AppError
from core.graphql import rule_of
from core.security.authentication import Viewer
from core.security.authorization import scopes_of
from tests.asgi import Client

PUBLIC = "public"
OFFICER, OPERATOR, FINANCE = "department_officer", "operator", "finance_officer"
DOCTOR, WORKER, RISK = "family_doctor", "grid_worker", "risk_officer"
BANK = "bank_officer"
ROLES = (WORKER, OFFICER, BANK, RISK, FINANCE, OPERATOR, DOCTOR)

STALE = timedelta(minutes=15)
REFUSED = {
    "LOGIN_REQUIRED", "LEVEL_REQUIRED", "PROOF_REQUIRED", "FRESH_AUTH_REQUIRED", "NOT_ALLOWED",
}  # fmt: skip
PROOFS = dict.fromkeys(
    (
        "e-licence traffic-violation-query traffic-fine-payment ehealth-card medical-payment "
        "medical-report health-record hypertension-care diabetes-care maternal-care infant-care "
        "outpatient-queue pension-insurance-query medical-insurance-query "
        "unemployment-insurance-query work-injury-insurance-query maternity-insurance-query "
        "housing-fund-query housing-fund-withdrawal real-estate-query school-entry-push "
        "school-video loan-apply loan-progress"
    ).split(),
    Assurance.CARRIER,
)
"""By what the caller of a service has to be proved, where a typed name and number will not do."""


@dataclass(frozen=True)
class Rule:
    """What a field asks of its caller."""

    level: int = 0
    fresh: bool = False
    role: str | None = None
    proved: bool = True
    """Whether who has the phone of an account must have shown to be its owner."""
    assurance: Assurance | None = None


ANYBODY, SIGNED_IN, VERIFIED = Rule(), Rule(1), Rule(2)

AGREED: dict[str, Rule] = {
    **dict.fromkeys(
        "viewer consentPurposes codeDelivery resume home services service requestLoginCode login "
        "refreshSession staffLogin beginCaptcha passkeyRequest loginWithPasskey "
        "loginWithMiniProgramme appointmentPlaces appointmentItems appointmentSlots "
        "triage triageSymptoms utilityOutages emergencyAlerts verifyNoPropertyCertificate "
        "reportCategories report reportEvents "
        "reportsNear reportsIn reportStatistics".split(),
        ANYBODY,
    ),
    **dict.fromkeys(
        "mandates inbox markMessageRead messagePreferences setMessagePreference setQuietHours "
        "registerDevice forgetDevice payment payments cancelPayment paymentReceipt billAccounts "
        "unlinkBillAccount billInvoice requestBillInvoice billInvoiceReissues reissueBillInvoice "
        "outageWatches watchOutages unwatchOutages autopayTerms autopays endAutopay appointments "
        "appointment waitingPlaces accountDisputes requestStepUpCode stepUp stepUpWithDevice "
        "revokeAllSessions staffStepUp passkeys miniProgrammes endMiniProgrammeLink "
        "appRequest appGrants answerAppRequest endAppGrant withdrawConsent endMandate "
        "confirmAppointment cancelAppointment rescheduleAppointment leaveWaitingList queueTicket "
        "plates linkPlate unlinkPlate accessRecorded appointmentChanged "
        "queueTicketChanged paymentChanged messageReceived cases caseByNo caseChanged".split(),
        SIGNED_IN,
    ),
    **dict.fromkeys("addChild addNewborn proposeProxy verifyPlate".split(), VERIFIED),
    **dict.fromkeys(
        "verifyRealName grantConsent revokeSession proveByPhone proveByCard beginNetworkProof "
        "finishNetworkProof disputeAccount stepUpWithPasskey".split(),
        Rule(1, proved=False),
    ),
    **dict.fromkeys(
        "passkeyRegistration addPasskey removePasskey bindDeviceKey linkMiniProgramme".split(),
        Rule(1, fresh=True),
    ),
    # which service these belong to, and so what more they ask, is known from their arguments
    **dict.fromkeys(
        "bills billUsage linkBillAccount payBill holdAppointment joinWaitingList joinQueue "
        "caseForm openCase case caseTimeline caseMaterials saveCase takeCaseStep "
        "removeCaseFile takeHeldPapers "
        "caseRating rateCase".split(),
        SIGNED_IN,
    ),
    "confirmProxy": Rule(2, fresh=True),
    "makeClaimCode": Rule(2, fresh=True),
    "requestPhoneCode": Rule(1, fresh=True),
    "changePhone": Rule(1, fresh=True),
    "payAppointment": Rule(1, fresh=True),
    "agreeAutopay": Rule(1, fresh=True),
    "exportMyData": Rule(1, fresh=True),
    "eraseMyAccount": Rule(1, fresh=True),
    "keepMyAccount": SIGNED_IN,
    **dict.fromkeys(
        "staffPerson proposeRecovery approveRecovery withdrawRecovery openDispute "
        "dismissDispute".split(),
        Rule(1, fresh=True, role=OFFICER),
    ),
    "undecidedDisputes": Rule(1, role=OFFICER),
    "unusualAccess": Rule(1, role=OPERATOR),
    "paymentCases": Rule(1, role=FINANCE),
    "proposeCorrection": Rule(1, role=FINANCE),
    "decideCorrection": Rule(1, role=FINANCE),
    "reopenPaymentCase": Rule(1, role=FINANCE),
    **dict.fromkeys(
        "periodBalances accountStatement dayClosings payoutTransfers closeDay "
        "renewTransfer".split(),
        Rule(1, role=FINANCE),
    ),
    **dict.fromkeys(
        "loanPortfolio loanProductProposals decideLoanProduct loanFigures loanReviews loanReview "
        "loanRegistry takeLoanReview settleLoanReview".split(),
        Rule(1, role=RISK),
    ),
    **dict.fromkeys(
        "bankLoanFigures bankLoanApplications bankLoanApplication offerLoan refuseLoan "
        "askLoanDocument".split(),
        Rule(1, role=BANK),
    ),
    **dict.fromkeys(
        "staffTasks staffCase takeTask actOnTask handOverTask returnTask "
        "checkInAppointment excuseMissedAppointment".split(),
        Rule(1, role=OFFICER),
    ),
    **dict.fromkeys(
        "staffCareAlerts staffCare changeCarePlan bookCareFollowUp keepCareFollowUp".split(),
        Rule(1, role=DOCTOR),
    ),
    **dict.fromkeys(
        "staffReports staffReportsNear staffReport acceptReport takeReport finishReport "
        "declineReport mergeReport reassignReport releaseReportPhotos coverGrids".split(),
        Rule(1, role=WORKER),
    ),
    **dict.fromkeys(
        "messageOverview deadMessages campaigns messagePreview pauseMessages resumeMessages "
        "rerunDeadMessages startCampaign steerCampaign".split(),
        Rule(1, role=OPERATOR),
    ),
}
"""The rules of fields that belong to no one service; of a by-data rule, what it asks of all."""

OWNERS_BY_DATA = {"grantConsent", "revokeSession"}
"""Only what leads to showing to be the owner, and only this session, are for who is not."""

SAMPLES: dict[str, Any] = {
    "first": 1,
    "phone": "13700000000",
    "services": ["housing-fund-query"],
    "residentId": "11010519491231002X",
    "caseNo": "AC-1",
    "kind": "WATER",
    "about": "NEWS",
    "channel": "PUSH",
    "pushService": "JPUSH",
    "parameters": [{"name": "title", "value": "x"}],
    "action": "CANCEL",
    "paymentCaseNo": 1,
    "goals": [],
    "children": [],
    "bornOn": "2026-11-01",
    "scanOn": "2026-11-01",
    "sex": "FEMALE",
    "weeks": 8,
    "startsAt": "2027-01-04T01:00:00Z",
    "version": 1,
    "everyDays": 1,
    "place": "x",
    "correction": "WRITE_OFF",
    "days": 1,
    "answers": [],
    "values": [],
    "purpose": "safety.school",
    "textVersion": "2026-11",
    "at": {"lat": 36.6, "lon": 117.0},
    "area": {"south": 36.6, "west": 116.9, "north": 36.7, "east": 117.1},
    "report": {"category": "volcano", "at": {"lat": 36.6, "lon": 117.0}},
    "prefixes": ["370102"],
    "offer": {
        "amount": 100,
        "months": 1,
        "form": "BULLET",
        "marginBps": 1,
        "validUntil": "2026-12-31",
    },
    "alert": {"stopRef": "B", "minutesBefore": 5},
}

Objects = Mapping[str, Mapping[str, str]]
"""By whose it is (own, linked, foreign, missing), the id for each "field.argument".

Under an argument's name alone stands what every field without an entry of its own is tried with.
"""


@dataclass
class Matrix:
    """One walk over the schema; `violations` says what was wrong, in words."""

    client: Client
    schema: GraphQLSchema
    citizen: Viewer
    objects: Objects
    renew: Callable[[], Awaitable[None]] | None = None
    beside: Mapping[str, str] = field(default_factory=dict)
    """What goes with an object, by "field.argument": the slot to move to."""
    violations: list[str] = field(default_factory=list)
    asked: int = 0

    @property
    def app(self) -> App:
        """The house under test."""
        return self.client.app

    @cached_property
    def ownership(self) -> dict[str, set[str]]:
        """Whose objects a citizen may reach through each id argument."""
        return ownership_of(self.schema, self.app.services)

    @cached_property
    def shown(self) -> dict[str, Rule]:
        """What services of money show before anything is paid."""
        return shown_by_payments(documents_of(self.app.manifests), self.app.services)

    async def walk(self, *, to_the_first: bool = False) -> list[str]:
        """Every field as every caller, then every id as the citizen.

        `to_the_first` violation is enough where only that there is one matters.
        """
        for kind, root in (
            ("query", self.schema.query_type),
            ("mutation", self.schema.mutation_type),
            ("subscription", self.schema.subscription_type),
        ):
            assert root is not None
            for name, graphql_field in root.fields.items():
                rule = self._rule(name, graphql_field)
                if rule is not None:
                    await self._try_callers(kind, name, graphql_field, rule)
                    await self._try_objects(kind, name, graphql_field, rule)
                if self.violations and to_the_first:
                    return self.violations
        return self.violations

    def _rule(self, name: str, graphql_field: GraphQLField) -> Rule | None:
        """What the field's own declaration promises."""
        declared = rule_of(graphql_field)
        if declared is None:
            self.violations.append(f"{name}: no rule")
            return None
        if declared.service_id is not None:
            service = self.app.services[declared.service_id]
            money = service.kind == "PAYMENT"
            health = service.theme == "HEALTH" and service.identity_level == 2
            proof = PROOFS.get(service.id)
            return Rule(service.identity_level, fresh=money or health, assurance=proof)
        need = declared.need
        role = next((r for r in ROLES if need.scope and need.scope in scopes_of([r])), None)
        rule = Rule(need.level, need.fresh, role, need.proved, need.assurance)
        agreed = AGREED.get(name, self.shown.get(name))
        if rule != agreed:
            self.violations.append(f"{name}: declares {rule}, agreed is {agreed}")
        return rule

    def _callers(self, rule: Rule) -> list[tuple[str, Viewer | None, str | None]]:
        """Each caller, and the refusal they must meet; None for being let through."""
        me, old = self.citizen, self.citizen.authenticated_at - STALE

        def viewer(level: int, *, at: Any = me.authenticated_at, role: str | None = None) -> Viewer:
            roles = frozenset({role} if role else ())
            proof = Assurance.COUNTER if level == 2 else None
            scopes = scopes_of(roles)
            return Viewer(me.user_id, me.session_id, level, roles, at, scopes, assurance=proof)

        def refusal(level: int, *, fresh: bool = True, role: str | None = None) -> str | None:
            if rule == ANYBODY:
                return None
            if level < max(rule.level, 1):
                return "LEVEL_REQUIRED" if level else "LOGIN_REQUIRED"
            if rule.role is not None and rule.role != role:
                return "NOT_ALLOWED"
            return "FRESH_AUTH_REQUIRED" if rule.fresh and not fresh else None

        unproved = "LEVEL_REQUIRED" if rule != ANYBODY and rule.proved else refusal(1)
        typed = refusal(2) if rule.assurance is None else "PROOF_REQUIRED"
        callers: list[tuple[str, Viewer | None, str | None]] = [
            ("stranger", None, refusal(0)),
            ("phone only", viewer(1), refusal(1)),
            ("not the owner", replace(viewer(1), proved=False), unproved),
            ("old session", viewer(2, at=old), refusal(2, fresh=False)),
            ("a typed pair", replace(viewer(2), assurance=Assurance.TYPED), typed),
            ("citizen", viewer(2), refusal(2)),
        ]
        return callers + [(role, viewer(2, role=role), refusal(2, role=role)) for role in ROLES]

    async def _try_callers(
        self, kind: str, name: str, graphql_field: GraphQLField, rule: Rule
    ) -> None:
        for caller, viewer, expected in self._callers(rule):
            if caller == "not the owner" and name in OWNERS_BY_DATA:
                expected = "LEVEL_REQUIRED"
            code = await self._ask(kind, name, graphql_field, viewer, {})
            met = code if code in REFUSED else None
            if met != expected or code == "INTERNAL_ERROR":
                self.violations.append(f"{name} as {caller}: {code}, not {expected}")

    async def _try_objects(
        self, kind: str, name: str, graphql_field: GraphQLField, rule: Rule
    ) -> None:
        roles = frozenset({rule.role} if rule.role else ())
        me = self.citizen
        viewer = replace(me, level=2, roles=roles, scopes=scopes_of(roles))
        for argument, of in graphql_field.args.items():
            if get_named_type(of.type).name != "ID" or is_list_type(_inner(of.type)):
                continue
            place = f"{name}.{argument}"
            if place in OPEN_IDS:
                continue
            expected = self.ownership.get(place, OWN)
            words = {}
            # a subscription to one's own may have nothing to tell, and would be waited for
            tried = ("missing", "empty", "foreign", "linked", "own")
            tried = tried[: 3 if kind == "subscription" else 5]
            for whose in tried:
                objects = self.objects.get(whose, {argument: ""})
                given = objects.get(place, objects.get(argument))
                if given is None:
                    continue
                code = await self._ask(
                    kind, name, graphql_field, viewer, {argument: given}, first_event=True
                )
                words[whose] = code
                allowed = whose in expected
                if allowed == (code == "NOT_FOUND") or code == "INTERNAL_ERROR":
                    self.violations.append(f"{place} of {whose}: {code}")
            if not {"own", "foreign", "missing"} & set(tried) <= set(words):
                self.violations.append(f"{place}: tried only for {sorted(words)}")

    async def _ask(
        self,
        kind: str,
        name: str,
        graphql_field: GraphQLField,
        viewer: Viewer | None,
        given: Mapping[str, Any],
        *,
        first_event: bool = False,
    ) -> str:
        """The code of the answer; of a subscription, of its opening or of its first event."""
        if self.renew is not None:
            await self.renew()
        self.asked += 1
        declared, passed, variables = [], [], {}
        for argument, of in graphql_field.args.items():
            value = given.get(argument, self.beside.get(f"{name}.{argument}"))
            value = self._sample(argument, of.type) if value is None else value
            if value is None:
                continue
            declared.append(f"${argument}: {of.type}")
            passed.append(f"{argument}: ${argument}")
            variables[argument] = value
        head = f"({', '.join(declared)})" if declared else ""
        arguments = f"({', '.join(passed)})" if passed else ""
        query = f"{kind} M{head} {{ {name}{arguments} {_selection(graphql_field)} }}"
        if kind == "subscription":
            return await self._subscribe(query, variables, viewer, first_event=first_event)
        answer = (await self.client.run(query, variables, viewer=viewer)).json
        if answer.get("errors"):
            return str(answer["errors"][0]["extensions"]["code"])
        payload = answer["data"][name]
        if not isinstance(payload, dict):
            return "OK"
        is_open = self._rule(name, graphql_field) == ANYBODY
        if payload.get("missing") and not payload["resumeTicket"] and not is_open:
            self.violations.append(f"{name}: {payload['code']} without a ticket to come back with")
        return str(payload.get("code", "OK"))

    async def _subscribe(
        self, query: str, variables: dict[str, Any], viewer: Viewer | None, *, first_event: bool
    ) -> str:
        call = Call(self.app, Deadline.after(5), "matrix", viewer=viewer)
        opened = subscribe(self.schema, parse(query), context_value=call, variable_values=variables)
        stream = await opened if isawaitable(opened) else opened
        if isinstance(stream, ExecutionResult):
            assert stream.errors is not None
            return _code(stream.errors[0].original_error)
        async with aclosing(cast(AsyncGenerator[Any], stream)):
            try:
                if first_event:
                    await anext(stream)
            except Exception as error:
                return _code(error)
        return "OK"

    def _sample(self, argument: str, of: Any) -> Any:
        if not is_non_null_type(of):
            return None
        if argument == "idempotencyKey":
            return uuid4().hex
        named = get_named_type(of)
        if isinstance(named, GraphQLEnumType) and SAMPLES.get(argument) not in named.values:
            return next(iter(named.values))
        if argument in SAMPLES:
            return SAMPLES[argument]
        if isinstance(named, GraphQLInputObjectType):
            return {n: self._sample(n, f.type) for n, f in named.fields.items() if n == "id"}
        samples = {"Int": 1, "Fen": 100, "Boolean": True, "Date": "2026-12-31"}
        return samples.get(named.name, str(uuid4()))


CASE_FIELDS = tuple(
    "caseTimeline caseMaterials saveCase takeCaseStep removeCaseFile takeHeldPapers "
    "caseRating rateCase".split()
)
TASK_FIELDS = ("takeTask", "actOnTask", "handOverTask", "returnTask")
OWN = {"own"}
_GUARDED = {"own", "linked"}
OWNERSHIP: dict[str, set[str]] = {
    # a guardian is party to the appointments of a child, and to mandates over it
    "endMandate.mandateId": _GUARDED,
    "appointment.id": _GUARDED,
    "confirmAppointment.appointmentId": _GUARDED,
    "payAppointment.appointmentId": _GUARDED,
    "cancelAppointment.appointmentId": _GUARDED,
    "rescheduleAppointment.appointmentId": _GUARDED,
    "grantConsent.onBehalfOf": {"own", "linked"},
    "withdrawConsent.onBehalfOf": {"own", "linked"},
    "bookVaccination.onBehalfOf": {"own", "linked"},
    "enrolInInfantCare.onBehalfOf": {"own", "linked"},
    # one's own is refused: a guardian names a child
    "followSchoolGate.onBehalfOf": {"own", "linked"},
    "openSchoolVideo.onBehalfOf": {"own", "linked"},
    "applyHealthCard.onBehalfOf": {"own", "linked"},
    # one's own is tried by its module's tests: the hospital must exist
    "bookHospitalNumber.onBehalfOf": set(),
    "bookHospitalVisit.onBehalfOf": set(),
    "decideCorrection.id": set(),
    "renewTransfer.id": set(),
    # one's own goes with an enrolment
    "recordBloodPressure.onBehalfOf": set(),
    "recordGlucose.onBehalfOf": set(),
    "recordPregnancy.onBehalfOf": set(),
    "recordGrowth.onBehalfOf": set(),
    "leaveInfantCare.onBehalfOf": set(),
    # one's own are tried by their module's tests: plan and child go together
    "giveInfantPlan.enrolmentId": set(),
    "giveInfantPlan.childId": set(),
    # a doctor does not handle their own
    "staffCare.enrolmentId": {"linked", "foreign"},
    "changeCarePlan.enrolmentId": {"linked", "foreign"},
    "bookCareFollowUp.followUpId": {"linked", "foreign"},
    "keepCareFollowUp.followUpId": {"linked", "foreign"},
    "decideLoanProduct.id": set(),
    # a bank's officers and reviews: tried by their module's tests, the unit here is another
    "bankLoanApplication.id": set(),
    "offerLoan.applicationId": set(),
    "refuseLoan.applicationId": set(),
    "askLoanDocument.applicationId": set(),
    "loanReview.caseId": set(),
    "takeLoanReview.taskId": set(),
    "settleLoanReview.taskId": set(),
    # one's own is tried by its module's tests: only a settled payment has a receipt
    "paymentReceipt.paymentId": set(),
    # one's own are tried by their module's tests: the hospital must have the bill or the deposit
    "payMedicalBill.onBehalfOf": set(),
    "topUpHospitalAccount.onBehalfOf": set(),
    "medicalPayment.paymentId": set(),
    # a subscription is tried with what is not one's own
    "paymentChanged.id": set(),
    "accessRecorded.onBehalfOf": set(),
    "joinWaitingList.onBehalfOf": set(),
    "holdAppointment.onBehalfOf": set(),
    # one's own is tried by its module's tests: the new number must exist at a hospital
    "moveHospitalNumber.appointmentId": set(),
    # one's own is tried by its kind's tests: it goes with its case
    "removeCaseFile.fileId": set(),
}
"""Where a citizen may reach through an argument other objects than their own (`OWN`); all others
are NOT_FOUND.

The reading of a service that the catalogue opens for others is not listed: `ownership_of`.
"""


def shown_by_payments(documents: Documents, services: Mapping[str, Service]) -> dict[str, Rule]:
    """The rules of the queries that the documents of services of money ask, by name.

    Paying asks for a fresh authentication; to see what is due the catalogue's level is enough.
    """
    return {
        selected.name.value: Rule(service.identity_level)
        for service in services.values()
        if service.kind is ServiceKind.PAYMENT
        and (document := documents.for_service(service.id)) is not None
        for operation in parse(document.source).definitions
        if isinstance(operation, OperationDefinitionNode)
        and operation.operation is OperationType.QUERY
        for selected in operation.selection_set.selections
        if isinstance(selected, FieldNode)
    }


def ownership_of(schema: GraphQLSchema, services: Mapping[str, Service]) -> dict[str, set[str]]:
    """`OWNERSHIP`, and whom the queries of services are about: oneself and whom one acts for."""
    assert schema.query_type is not None
    queries = {
        f"{name}.onBehalfOf"
        for name, query in schema.query_type.fields.items()
        if "onBehalfOf" in query.args
        and (rule := rule_of(query)) is not None
        and rule.service_id is not None
        and services[rule.service_id].for_others
    }
    return {place: {"own", "linked"} for place in queries} | OWNERSHIP


OPEN_IDS = frozenset(
    "service.id topUpHospitalAccount.hospitalId hospitalDepartments.hospitalId "
    "hospitalDoctors.hospitalId "
    "hospitalDoctors.departmentId hospitalSlots.hospitalId hospitalSlots.scheduleId "
    "bookHospitalNumber.hospitalId bookHospitalNumber.slotId appointmentPlaces.serviceId "
    "appointmentItems.serviceId appointmentSlots.placeId rescheduleAppointment.slotId "
    "staffPerson.id approveRecovery.recoveryId withdrawRecovery.recoveryId "
    "dismissDispute.disputeId makeClaimCode.childId "
    "excuseMissedAppointment.appointmentId "
    "codeDelivery.requestId leaveWaitingList.waitingId queueTicket.id "
    "hospitalRooms.hospitalId bookHospitalVisit.hospitalId bookHospitalVisit.slotId "
    "vaccinationRooms.clinicId vaccinationSlots.clinicId vaccinationSlots.scheduleId "
    "bookVaccination.clinicId bookVaccination.slotId "
    "moveHospitalNumber.slotId queueTicketChanged.ticketId payBill.billId holdAppointment.slotId "
    "holdAppointment.itemId joinWaitingList.placeId joinWaitingList.itemId "
    "joinQueue.placeId steerCampaign.campaignId presentLicence.licenceRef "
    "serviceOutletItems.outletRef airHistory.stationId springHistory.stationId "
    "medicalReport.id watchQueueTicket.hospitalId openSchoolVideo.cameraRef "
    "caseForm.serviceId openCase.serviceId cases.serviceId "
    "report.id reportEvents.id followReport.id unfollowReport.id mergeReport.into "
    "transitArrivals.stopRef transitArrivals.lineRef transitWay.tripRef "
    "transitArrivalsChanged.stopRef transitArrivalsChanged.lineRef".split()
)
"""Ids of what belongs to nobody, or that only their owner can know."""


def _code(error: Exception | None) -> str:
    return error.code if isinstance(error, AppError) else "INTERNAL_ERROR"


def _inner(of: Any) -> Any:
    return of.of_type if is_non_null_type(of) else of


def _selection(graphql_field: GraphQLField) -> str:
    named = get_named_type(graphql_field.type)
    if is_leaf_type(named):
        return ""
    if isinstance(named, GraphQLUnionType):
        login = "... on LoginRequired { missing resumeTicket }"
        return f"{{ __typename ... on Refusal {{ code }} {login} }}"
    assert isinstance(named, GraphQLObjectType)
    return "{ __typename }"
