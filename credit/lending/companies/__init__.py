"""Companies: who speaks for one, and what it allows to be read."""
