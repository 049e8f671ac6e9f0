"""Identity in GraphQL, one file per part."""
