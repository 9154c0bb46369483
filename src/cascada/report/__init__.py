"""Pictures and pages from the files that the stages have written. Nothing here determines a result."""
