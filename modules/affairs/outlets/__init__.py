"""Service 50: where matters are dealt with, when, and who waits there."""
