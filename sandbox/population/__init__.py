"""Who and what is in the city: people, homes, cars, institutions, places, all from one seed."""
