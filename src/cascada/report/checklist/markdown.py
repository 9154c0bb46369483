"""The REFORMS checklist of an experiment, in Markdown: what its files answer, and what its author has to say."""

from cascada.core.notices import SURROGATE, marks
from cascada.report.checklist.evidence import Evidence
from cascada.report.checklist.items import ITEMS, SECTIONS, Item

SOURCE = (
    "S. Kapoor et al., *REFORMS: Consensus-based Recommendations for Machine-learning-based Science*, Science "
    "Advances 10 (2024) "
    "eadk3452, in short and in other words."
)


def markdown(of: Evidence) -> str:
    """The whole document."""
    answered, open_questions = (sum(test(item, of) for item in ITEMS) for test in (_answered, _open))
    lines = [
        f"# REFORMS checklist: {of.experiment}",
        "",
        f"Of {len(ITEMS)} items, {answered} are answered from the files of the experiment; {open_questions} ask for "
        "words of the author "
        f"(**To say**), or for files that are still to be made. {SOURCE}",
    ]
    notes = [SURROGATE] * of.surrogate + (marks(of["test"]["opening"]) if of["test"] else [])
    lines += [line for note in notes for line in ("", f"> **{note}**")]
    for number, title in SECTIONS.items():
        lines += ["", f"## {number}. {title}"]
        for item in ITEMS:
            if item.number.startswith(number):
                lines += [part for line in (f"**{item.number}. {item.asks}**", *_body(item, of)) for part in ("", line)]
    return "\n".join(lines) + "\n"


def _body(item: Item, of: Evidence) -> list[str]:
    lines = []
    if missing := of.missing(item.needs):
        lines.append(f"Not known yet: {', '.join(f'`{path}`' for path in missing)} is still to be made (`snakemake`).")
    elif item.answer:
        lines.append(item.answer(of))
    return lines + [f"**To say:** {item.left}"] * bool(item.left)


def _answered(item: Item, of: Evidence) -> bool:
    return item.answer is not None and not of.missing(item.needs)


def _open(item: Item, of: Evidence) -> bool:
    return bool(item.left or of.missing(item.needs))
