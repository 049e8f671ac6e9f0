"""What hospitals recorded of a person, over FHIR R4: read, merged, shown by its labels."""
