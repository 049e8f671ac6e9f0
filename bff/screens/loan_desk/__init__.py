"""The page on which officers of banks and the platform's risk officers do their work on loans."""
