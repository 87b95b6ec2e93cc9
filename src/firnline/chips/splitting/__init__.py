"""Which chips are on which side of a split, and what the sides share all the same."""
