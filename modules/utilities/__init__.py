"""What households have to do with their utilities: bills, reminders, autopay, outages."""
