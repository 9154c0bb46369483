"""What every stage uses: errors, files, digests, provenance, classes, the machine. It imports no other room."""
