"""Messages to people. The door is notifications.api."""
