"""Household bills: linked accounts, paying, reminders, outages."""
