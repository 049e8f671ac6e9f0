"""Service 9, trip-plan: from door to door by bus and metro."""
