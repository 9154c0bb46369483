"""What an experiment asks for: configuration, schema, search space. The Snakefile imports this, so it stays light."""
