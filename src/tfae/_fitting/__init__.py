"""The steps of one fit, from parameters to a fitted value."""
