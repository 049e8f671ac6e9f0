"""Care programmes: what enrolment, plan, measurements, follow-ups and alerts have in common."""
