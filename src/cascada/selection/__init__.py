"""Choose among the trials of a search by validation alone."""
