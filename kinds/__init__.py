"""One form for each kind of service, on a floor of its own below the modules."""
