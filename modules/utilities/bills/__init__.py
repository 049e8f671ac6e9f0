"""Services 44 to 47: water, electricity, gas and heating bills."""
