"""What the five insurances have in common: enrolments, months, gaps, pages of records."""
