"""What `X` may be, and what is learned of it before training."""
