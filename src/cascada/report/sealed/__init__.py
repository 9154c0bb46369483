"""The test of the sealed showers: its page and pictures (a name that pytest does not collect)."""
