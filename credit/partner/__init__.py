"""The partner banks' REST API."""
