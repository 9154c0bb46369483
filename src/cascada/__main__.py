"""`python -m cascada` is `cascada`."""

import sys

from cascada.cli import main

if __name__ == "__main__":
    sys.exit(main())
