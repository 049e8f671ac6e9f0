"""The edge's commands."""
