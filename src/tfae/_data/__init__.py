"""The kinds of `X`, how they are checked and read, and the statistics before training."""
