"""One slot engine and the nine services that book with it."""
