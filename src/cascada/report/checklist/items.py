"""The 32 items of REFORMS, and what an experiment's files say about each.

S. Kapoor et al., "REFORMS: Consensus-based Recommendations for Machine-learning-based Science", Science Advances 10
(2024) eadk3452, Table 1; in words of our own (docs/testing.md says what they were compared with). An answer states what the files hold; what they cannot know stays a question.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cascada.report.checklist import data, model
from cascada.report.checklist.evidence import Evidence

SECTIONS = {
    "1": "Goals of the study", "2": "Computational reproducibility", "3": "Quality of the data", "4": "Preprocessing",
    "5": "Modelling", "6": "Leakage", "7": "Metrics and uncertainty", "8": "Generality and limits",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One item: what is asked, what the files answer (`needs`: which of them), what is left for the author to say."""

    number: str
    asks: str
    needs: tuple[str, ...] = ()
    answer: Callable[[Evidence], str] | None = None
    left: str = ""


ITEMS = (
    Item(
        number="1a",
        asks="For which population or distribution is the claim made?",
        needs=("data",),
        answer=data.population,
        left="Is the claim about simulated showers, or about those that an observatory sees?",
    ),
    Item(number="1b", asks="Why this population?", left="Why these primaries, energies and this altitude?"),
    Item(
        number="1c",
        asks="Why machine learning?",
        needs=("baselines",),
        answer=lambda of: f"Compared with simpler methods. {model.baselines(of)}",
        left="What is learning to give that a cut on known variables does not?",
    ),
    Item(
        number="2a",
        asks="Which data set, and where is it to be had?",
        needs=("data",),
        answer=lambda of: data.dataset(of) + model.published(of),
        left="Give a DOI or link.",
    ),
    Item(
        number="2b",
        asks="Which code, in which version?",
        needs=("best",),
        answer=model.code,
        left="Give a DOI or link.",
    ),
    Item(
        number="2c",
        asks="Which computers, packages and times?",
        needs=("leaderboard",),
        answer=lambda of: model.computing(of) + model.packages(of),
        left="Name processors and GPUs.",
    ),
    Item(
        number="2d",
        asks="Is there a README that says how to get the results?",
        answer=lambda of: "README.md, and docs/reproduce.md for the same bits.",
    ),
    Item(
        number="2e",
        asks="Is there a script that makes all results?",
        answer=lambda of: (
            "The workflow itself: `snakemake --cores all --configfile EXPERIMENT` makes every number and picture from the raw files."
        ),
    ),
    Item(
        number="3a",
        asks="Where do the data for training and for evaluation, and their truth, come from, and from when?",
        needs=("data",),
        answer=data.sources,
        left="When, by whom and with which versions and interaction models were they simulated?",
    ),
    Item(
        number="3b",
        asks="From what were they sampled?",
        needs=("data",),
        answer=data.frame,
        left="Which other simulations exist, and why were these taken?",
    ),
    Item(
        number="3c",
        asks="Why do these data suit the task?",
        left="Why are images of the energy at ground right for the question?",
    ),
    Item(
        number="3d",
        asks="What is the outcome, how is it defined, and how is it distributed over the classes?",
        needs=("data",),
        answer=data.outcome,
    ),
    Item(number="3e", asks="How many samples, how often each outcome?", needs=("data",), answer=data.sizes),
    Item(number="3f", asks="What share is missing, class by class?", needs=("data",), answer=data.missing_data),
    Item(
        number="3g",
        asks="Does what was sampled (3b) represent the population of the claim (1a)?",
        left="Simulated spectrum, composition, interaction model and detector differ from nature's: which of this matters?",
    ),
    Item(number="4a", asks="Which samples were excluded, and why?", needs=("data",), answer=data.excluded),
    Item(number="4b", asks="What was done about impossible or damaged samples?", needs=("data",), answer=data.corrupt),
    Item(
        number="4c",
        asks="By which steps, all of them, did raw data become the model's input?",
        needs=("data",),
        answer=data.transformations,
    ),
    Item(
        number="5a",
        asks="Which models were trained, all of them, in detail?",
        needs=("configurations", "best"),
        answer=model.models,
    ),
    Item(
        number="5b",
        asks="Why these types of models?",
        needs=("configurations",),
        answer=model.families,
        left="Why these families?",
    ),
    Item(
        number="5c",
        asks="How was the reported model evaluated, on which split or folds?",
        needs=("data",),
        answer=model.evaluation,
    ),
    Item(number="5d", asks="How was the reported model selected?", needs=("best",), answer=model.selection),
    Item(number="5e", asks="How were hyperparameters tuned?", needs=("best",), answer=model.tuning),
    Item(
        number="5f",
        asks="Are the baselines fit to be compared with?",
        needs=("baselines",),
        answer=model.baselines,
        left="Is there a stronger method in use, such as a likelihood of physical variables?",
    ),
    Item(
        number="6a",
        asks="Did anything but the training data enter preprocessing (4) and modelling (5)?",
        answer=data.separation,
    ),
    Item(
        number="6b",
        asks="How were dependences and duplicates between training and test dealt with?",
        needs=("data",),
        answer=data.duplicates,
    ),
    Item(
        number="6c",
        asks="Is every input legitimate, so that nothing leaks?",
        needs=("data",),
        answer=data.legitimate,
        left="Does anything in the simulation differ between the classes other than the primary?",
    ),
    Item(
        number="7a",
        asks="Which metrics, and why that one to select?",
        needs=("test",),
        answer=model.metrics,
        left="Why does it suit the use?",
    ),
    Item(
        number="7b",
        asks="How uncertain are they, and how was that computed?",
        needs=("test",),
        answer=model.uncertainty,
    ),
    Item(
        number="7c",
        asks="Why these statistical tests, if any, and do their assumptions hold?",
        needs=("data",),
        answer=model.tests,
    ),
    Item(
        number="8a",
        asks="What speaks for validity elsewhere, and where does that evidence end?",
        needs=("behaviour",),
        answer=model.external,
        left="What is known of other interaction models, other simulations, measured showers?",
    ),
    Item(
        number="8b",
        asks="Where are the findings not expected to hold?",
        needs=("data",),
        answer=data.limits,
        left="Where else?",
    ),
)
