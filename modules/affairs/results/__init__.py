"""What cases grant, as e-licences."""
