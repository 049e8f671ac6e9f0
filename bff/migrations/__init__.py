"""The edge's migrations."""
