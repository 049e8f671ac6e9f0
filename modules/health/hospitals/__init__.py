"""The hospitals' numbers: browsing, booking across two systems, comparing."""
