"""Springs and air: what each station observed, by the hour and over a month."""
