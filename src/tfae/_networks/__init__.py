"""Networks without weights (described, built and checked), and their first weights."""
