"""Exit with 0 if the installed torch is a build that needs `cuda.txt` (that of the public index on Linux), else with 1."""

import re
import sys
from importlib.metadata import requires

sys.exit(not any(re.match(r"(nvidia|cuda)-|triton", name) for name in requires("torch")))
