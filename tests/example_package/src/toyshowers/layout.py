"""What stands in an archive: shared by the modules of this package, and part of the digests of those that import it."""

NAMES = ("images", "primary", "energy")
