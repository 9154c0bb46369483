"""Rule `publish`: the data set and the selected model as a version, in git and DVC."""

import sys
from pathlib import Path

from cascada.core.files import read_json
from cascada.core.scripts import logged
from cascada.publishing.publish import Request, publish

with logged(snakemake):
    best = Path(snakemake.input.best)
    history = Path(read_json(best)["checkpoint"]).with_name("history.tsv")
    paths = {"results": best.parents[1], "history": history}
    switches = snakemake.params.publishing
    request = Request(**paths, version=snakemake.params.version, undecided=snakemake.params.undecided, **switches)
    print(publish(request, Path.cwd()), file=sys.stderr)
