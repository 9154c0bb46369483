"""Rule `describe_data`: the data card, from the summary and the training file alone."""

from pathlib import Path

from cascada.data.card import write_card
from cascada.files import read_json
from cascada.pages import write_data_card
from cascada.provenance import provenance
from cascada.scripts import logged

with logged(snakemake):
    card, summary = Path(snakemake.output.card), Path(snakemake.input.summary)
    data = read_json(summary)
    origin = provenance(train=data["train_sha256"], test=data["test_sha256"])
    write_card(summary, Path(snakemake.input.train), card.parent, origin)
    write_data_card(card, Path(snakemake.output.page))
