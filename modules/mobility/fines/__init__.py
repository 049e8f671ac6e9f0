"""Traffic fines: accepting a violation, the order to pay, its electronic receipt."""
