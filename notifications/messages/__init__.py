"""Messages, their deliveries and what is told of them later."""
