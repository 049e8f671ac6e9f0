"""Who the citizen is: phone log-in, sessions, real name, consents, who looked."""
