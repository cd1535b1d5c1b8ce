"""The loop over epochs, and the chunks that go through it."""
