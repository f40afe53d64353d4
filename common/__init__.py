"""What at least two systems need; it knows none of them."""
