"""Service 27: care from the first weeks of a pregnancy to its end."""
