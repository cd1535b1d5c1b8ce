"""The public estimators, one per file."""
