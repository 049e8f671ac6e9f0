"""What the services about schools share: the registry of schools, enrolment, guardians."""
