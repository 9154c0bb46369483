"""An example of a package that adds a source and a model family to Cascada."""
