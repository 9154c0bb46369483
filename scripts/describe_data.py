"""Rule `describe_data`: the data card, from the summary and the training file alone."""

from pathlib import Path

from cascada.core.files import read_json
from cascada.core.provenance import provenance
from cascada.core.scripts import logged
from cascada.report.data_card import write_card
from cascada.report.data_page import write_data_card

with logged(snakemake):
    card, summary = Path(snakemake.output.card), Path(snakemake.input.summary)
    data = read_json(summary)
    origin = provenance(train=data["train_sha256"], test=data["test_sha256"])
    write_card(summary, Path(snakemake.input.train), card.parent, origin)
    write_data_card(card, Path(snakemake.output.page))
