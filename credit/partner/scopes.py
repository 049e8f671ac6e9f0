"""What a bank may be allowed to do."""

from enum import StrEnum


class PartnerScope(StrEnum):
    """One thing that a bank's access token may be good for."""

    APPLICATIONS_READ = "applications.read"
    APPLICATIONS_DECIDE = "applications.decide"
    LOANS_REPORT = "loans.report"
    PRODUCTS_PROPOSE = "products.propose"
    WEBHOOKS_MANAGE = "webhooks.manage"
    RECONCILIATION = "reconciliation"


DESCRIPTIONS = {
    PartnerScope.APPLICATIONS_READ: "Read the applications that were sent to the bank.",
    PartnerScope.APPLICATIONS_DECIDE: "Ask for documents, approve and refuse.",
    PartnerScope.LOANS_REPORT: "Confirm disbursements, report repayments and overdue loans.",
    PartnerScope.PRODUCTS_PROPOSE: "Propose products and changes to them.",
    PartnerScope.WEBHOOKS_MANAGE: "Set the webhook, read its log, have events sent again.",
    PartnerScope.RECONCILIATION: "Exchange the files of the daily reconciliation.",
}
