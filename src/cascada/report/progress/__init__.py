"""How far an experiment is, from the files that it writes: `cascada status`, and the same for Prometheus."""
