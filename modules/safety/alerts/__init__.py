"""Service 59: warnings of the city reach those whom they concern, and so do their ends."""
