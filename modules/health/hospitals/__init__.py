"""The hospitals and clinics whose numbers are booked here."""
