"""The health card: triage, reports, records, care programmes."""
