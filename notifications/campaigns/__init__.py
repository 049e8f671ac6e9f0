"""One message for very many people, in chunks."""
