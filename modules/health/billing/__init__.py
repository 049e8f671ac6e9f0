"""Service 22: hospital bills and deposits."""
