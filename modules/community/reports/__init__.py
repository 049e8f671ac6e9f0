"""Services 33 and 34: snap reports, from a photograph to the day on which they are closed."""
