"""Accounts of households at billers, linked to citizens; what the other services share."""
