"""A trained network in other forms."""
