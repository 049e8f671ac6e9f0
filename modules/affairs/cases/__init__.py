"""Services 2 and 3: applying for a government item, and how the application stands."""
