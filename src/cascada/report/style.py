"""The style that all pictures share, and saving them whole. No global state of matplotlib is used."""

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from cascada.core.files import atomic_path
from cascada.core.notices import REOPENED_IN_SHORT, SURROGATE_IN_SHORT

COLOURS = (
    "#c44e3b",
    "#2b6ca3",
    "#3d8b5c",
    "#8a6bb1",
    "#b08a2e",
    "#555555",
)  # told apart in grey and by colour-blind eyes
BASELINE = "#777777"
DPI = 130


def figure(width: float = 7, height: float = 4.5, rows: int = 1, columns: int = 1, **options):
    """Return a figure (inches) and its axes."""
    drawing = Figure((width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(drawing)
    axes = drawing.subplots(rows, columns, **options)
    return drawing, axes


def colour(label: int) -> str:
    """Of a class; beyond the last one the colours repeat."""
    return COLOURS[label % len(COLOURS)]


def unknown(text: str) -> Figure:
    """A picture that says why it shows nothing."""
    drawing, axes = figure(6, 1.6)
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", color="#555555", transform=axes.transAxes)
    return drawing


def tidy(axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)


def energy_axis(axis) -> None:
    """A logarithmic axis of energies in TeV with few, plainly written numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.axes.set(**{f"{axis.axis_name}scale": "log", f"{axis.axis_name}label": "true energy [TeV]"})
    axis.set_major_locator(LogLocator(subs=(1, 3)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def save(drawing: Figure, path: Path, surrogate: bool = False, reopened: bool = False) -> None:
    """Write a PNG; pictures of surrogate data say so, and so do those of sealed data that were opened for another selection."""
    notes = [(SURROGATE_IN_SHORT, "#888888", "normal")] * surrogate + [
        (REOPENED_IN_SHORT, COLOURS[0], "bold")
    ] * reopened
    line = 0.16 / drawing.get_figheight()  # each note has a strip of its own, in inches
    if notes:
        engine = drawing.get_layout_engine()
        assert isinstance(engine, ConstrainedLayoutEngine), "a picture is made by `figure`"
        engine.set(rect=(0, line * len(notes), 1, 1 - line * len(notes)))
    for place, (text, colour, weight) in enumerate(notes):
        at = 0.004 + place * line
        drawing.text(0.995, at, text, ha="right", va="bottom", fontsize=7, color=colour, weight=weight)
    with atomic_path(path) as temporary:
        drawing.savefig(temporary, format="png")
