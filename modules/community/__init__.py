"""The community grid: snap reports, grid look-up, the hotline."""
