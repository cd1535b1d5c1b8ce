"""The loop over epochs, and what goes through it."""
