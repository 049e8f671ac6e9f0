"""A subscription: people are told the news of the districts that they name."""
