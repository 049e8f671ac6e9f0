"""What every room of credit stands on: files, seals, keys, and refusals in words."""
