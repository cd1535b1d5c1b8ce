"""A trained network at work: from rows to codes and back, without the training code."""
