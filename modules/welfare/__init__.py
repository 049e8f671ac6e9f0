"""What the citizen is insured for and saves: social insurance, housing fund."""
