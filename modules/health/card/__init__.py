"""Service 18: the e-health card, its code for hospitals, and what hospitals read with it."""
