"""The city around us: every upstream system as a real HTTP server."""
