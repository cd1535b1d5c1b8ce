"""The base of everything else, with nothing about autoencoders."""
