"""Code that at least two systems share and that imports none of them."""
