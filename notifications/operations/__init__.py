"""What operators see and do: switches, rates and failures, dead letters."""
