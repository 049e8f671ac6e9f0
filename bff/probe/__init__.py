"""Whether each service answers, and how fast: asked every few minutes by the city itself."""
