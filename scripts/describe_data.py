"""Rule `describe_data`: the data card, from the summary and the training file alone."""

from pathlib import Path

from cascada.data.card import write_card
from cascada.pages import write_data_card
from cascada.provenance import provenance
from cascada.scripts import logged

with logged(snakemake):
    folder = Path(snakemake.output.card).parent
    write_card(Path(snakemake.input.summary), Path(snakemake.input.train), folder, provenance())
    write_data_card(Path(snakemake.output.card), Path(snakemake.output.page))
