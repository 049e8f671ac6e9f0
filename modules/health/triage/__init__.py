"""Service 19: which department, or the emergency number, by rules that say why."""
