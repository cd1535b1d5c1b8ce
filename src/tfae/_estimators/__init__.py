"""The public estimators, one a file."""
