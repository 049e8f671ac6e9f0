"""The manifest of credit."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="credit",
    rooms=("log.models", "lending", "partner"),
    migrations="migrations",
    append_only=("credit_log_entry", "lending_loan_event", "lending_contract"),
    kept={
        "lending_company": ("name", "district", "industry", "registered_on", "looked_at"),
        "lending_consent": ("withdrawn_at",),
        "lending_product_version": ("state", "approved_by", "published_at"),
        "lending_application": (
            *("state", "sequence", "facts_sealed", "assessment", "offer", "refusal", "wanted"),
            *("valid_until", "changed_at"),
        ),
        "lending_loan": ("status", "look_on", "sequence"),
    },
    commands={"credit": "commands.main", "partner": "partner.commands"},
)
