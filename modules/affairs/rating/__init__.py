"""Service 5: ratings, and the call-back that follows on a poor one."""
