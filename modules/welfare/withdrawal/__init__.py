"""Service 43: money out of one's housing fund, for what the law lets it be used for."""
