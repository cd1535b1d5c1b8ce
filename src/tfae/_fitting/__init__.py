"""What one fit does, from parameters to a fitted value."""
