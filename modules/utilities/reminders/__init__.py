"""Service 48: reminders of bills that are due."""
