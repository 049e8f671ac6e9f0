"""Applications to the city: one workflow engine, a definition for each service that runs on it."""
