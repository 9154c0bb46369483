"""The data set and the selected model as versioned artifacts: DVC, git, a remote."""
