"""What all services of one kind share; above the wings, below the modules."""
