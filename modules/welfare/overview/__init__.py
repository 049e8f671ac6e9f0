"""What somebody's insurances say at a glance."""
