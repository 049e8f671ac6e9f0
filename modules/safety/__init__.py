"""Public safety: schools, alerts, shelters."""
