"""What everything else stands on, none of it about autoencoders."""
