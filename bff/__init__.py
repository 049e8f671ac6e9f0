"""The GraphQL edge: the only place that sees every module."""
