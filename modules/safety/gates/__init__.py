"""Service 57: guardians are told when a child enters, leaves, or does not arrive at school."""
