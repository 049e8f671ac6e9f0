"""Open standards that several modules speak: one reader or client for each."""
