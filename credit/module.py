"""The manifest of credit."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="credit",
    rooms=("log.models", "lending", "partner", "commands.establish"),
    migrations="migrations",
    append_only=("credit_log_entry", "lending_loan_event"),
    kept={
        "lending_company": ("name", "district", "industry", "registered_on", "looked_at"),
        "lending_consent": ("withdrawn_at",),
        "lending_product_version": ("state", "approver", "published_at"),
        "lending_application": (
            *("purpose_sealed", "facts_sealed", "state", "sequence", "assessment", "offer"),
            *("refusal", "wanted", "valid_until", "changed_at"),
        ),
        "lending_contract": ("key_sealed",),
        "lending_loan": ("status", "look_on", "sequence"),
    },
    commands={"credit": "commands.main", "partner": "partner.commands"},
)
