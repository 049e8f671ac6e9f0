"""Reports in GraphQL: as citizens and everybody, and as workers use them."""
