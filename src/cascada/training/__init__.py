"""One trial: train, save, resume, write what was found."""
