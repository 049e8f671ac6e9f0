"""The manifest of utilities: a folder for each service, and the accounts that they share."""

from core.manifest import Manifest

MANIFEST = Manifest(
    # tables, jobs, templates and payments have had this prefix since there were bills alone
    name="bills",
    rooms=("accounts", "bills", "reminders", "autopay", "outages", "invoices", "reissues"),
    migrations="migrations",
)
