"""E-licences that stand for papers of applications, and for answers."""
