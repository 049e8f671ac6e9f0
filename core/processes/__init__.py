"""The processes of an installation: started, served, watched, stopped; the embedded database."""
