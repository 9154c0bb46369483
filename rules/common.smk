# What the other files of rules share: the checked configuration, the list of trials, input functions. No rules.
import functools
import sys

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

sys.path.insert(0, str(Path(workflow.basedir) / "src"))

from cascada.data import catalogue
from cascada.experiment import (
    also,
    choice,
    configuration,
    families,
    overrides,
    population,
    prediction_jobs,
    proposals,
    rungs,
    schema,
)
from cascada.core.digest import digest
from cascada.experiment.spaces import digest_of
from cascada.core.errors import CascadaError, ConfigError

try:
    overrides.read(config, workflow.config_settings.config)
    schema.validate(config, Path(workflow.basedir) / "rules/schemas/config.schema.yaml")
    configuration.check(config)
    BUDGETS = rungs.check(config["search"], config["training"]["epochs"])
    RESULTS = f"results/{config['experiment']}"  # params, unlike paths, do not know pathvars
    say = logger.warning if workflow.is_main_process else (lambda text: None)  # once, not in every job
    CANDIDATES = proposals.candidates(config, Path(RESULTS) / "search", say)
    POPULATION = population.of(config["search"], BUDGETS, Path(RESULTS), CANDIDATES.all)
    choice.check(config)
    rungs.check_finalists(config["search"], CANDIDATES.expected, BUDGETS)
    proposals.check_decisions(CANDIDATES.batches, len(BUDGETS), bool(POPULATION.more_seeds))
    SHARDS = {(shard.source, shard.name): shard for shard in configuration.shards(config, say)}
    also.check(config)
    BESIDE = {(shard.source, shard.name): shard for shard in also.shards(config, say)}
    if workflow.is_main_process:
        configuration.check_files([*SHARDS.values(), *BESIDE.values()])
        POPULATION.check()
    if workflow.is_main_process and workflow.output_settings.dryrun:
        from cascada.experiment import earlier

        models = (one.model for one in CANDIDATES.all().values())
        logger.info(earlier.line(config, models, CANDIDATES.asked, BUDGETS))
except CascadaError as error:
    raise WorkflowError(f"The experiment {config.get('experiment')!r} cannot run. {error}") from None

SEARCH = {name: config["search"].get(name) for name in ("sampler", "metric", "seeds", "rescore")}
SEARCH |= {"budgets": BUDGETS, "configurations": CANDIDATES.expected, "proposed": CANDIDATES.asked}
# what `select` makes of its choice; the intervals of a temperature are drawn as those of the test
FROZEN = {name: config["selection"][name] for name in ("ensemble", "calibration")}
if FROZEN["calibration"] != "none":
    FROZEN["settings"] = {name: config["testing"][name] for name in ("bootstrap", "confidence", "seed")}
SELECTION_PLOTS = ("leaderboard", "learning_curves")
SCORE_PLOTS = ("roc", "background", "scores", "calibration", "confusion", "baselines", "mistakes")
ENERGY_PLOTS = ("confusion_energy", "accuracy_energy", "bins", "probability_energy", "probability_muons")
MODEL_FILES = (
    "model.onnx",
    "model.pt2",
    "model.json",
    "MODEL_CARD.md",
    "LICENSE",
    "probe.h5",
    "templates.h5",
    "SHA256SUMS",
)
ALSO = []  # outputs that are made by default, too: whoever adds one appends it beside where it is made
SETS = list(config["testing"]["also"])  # what is tested beside the sealed showers
SCORE_PLOTS += ("systematics",) if SETS else ()
SETS_OF_SHOWERS = list(also.sources(config))  # those that are not the sealed showers themselves
NOT_SCIENCE = {"publishing", "predictions", "version"}  # keys that change neither model nor test


wildcard_constraints:
    configuration=r"\w+-[0-9a-f]{8}",
    batch=r"\d+",
    rung=r"\d+",
    seed=r"\d+",
    epochs=r"\d+",


def shard(wildcards):
    """One of the data's, or one of a set that is tested beside the sealed showers."""
    return (SHARDS | BESIDE)[wildcards.source, wildcards.name]


def raw_file(wildcards):
    """The raw file of a shard; none for a surrogate run."""
    return shard(wildcards).file or []


def shard_specification(wildcards):
    return shard(wildcards).specification


def all_shards(wildcards):
    return [f"<results>/dataset/shards/{source}/{name}.h5" for source, name in SHARDS]


def shards_of_set(wildcards):
    mine = [name for source, name in BESIDE if source == f"also/{wildcards.set}"]
    return [f"<results>/dataset/shards/also/{wildcards.set}/{name}.h5" for name in mine]


# What the list of trials follows from, for every job that reads all trials: asking the checkpoint alone would not make such a job
# wait for a decision that is made again although an older one is there.
if POPULATION.more_seeds:
    DECISIONS = ["<results>/search/finalists.json"]
elif len(BUDGETS) > 1:
    DECISIONS = [f"<results>/search/rung-{len(BUDGETS)}.json"]
elif CANDIDATES.batches:
    DECISIONS = [f"<results>/search/batch-{CANDIDATES.batches}.json"]
else:
    DECISIONS = []


def trial_files(name, trials=POPULATION.compared):
    """The input function for one file of all trials: of those of the full budget, unless `trials` names others."""

    def files(wildcards):
        wait_for_finalists()
        return files_of(trials(), name)

    return files


def files_of(trials, name):
    return [
        f"<results>/trials/{trial.configuration}/seed-{trial.seed}/epochs-{trial.epochs}/{name}" for trial in trials
    ]


def wait_for_batch(number):
    """Have Snakemake make the records of the batches up to one, unless they are there."""
    wait_for("propose", "batch", range(1, number + 1))


def wait_for_rung(number):
    """As `wait_for_batch`, for the record that says who is on a rung and for those that it follows from."""
    wait_for_batch(CANDIDATES.batches)
    wait_for("promote", "rung", range(2, number + 1))


def wait_for_finalists():
    """As `wait_for_batch`, for all records of the search."""
    wait_for_rung(len(BUDGETS))
    if POPULATION.more_seeds:
        checkpoints.rescore.get()


def wait_for(decision, name, numbers):
    """Ask for the first record that is missing, and for the last: an old one may be there without those that it now follows from."""
    for number in numbers:
        if number == numbers[-1] or not Path(f"{RESULTS}/search/{name}-{number}.json").exists():
            getattr(checkpoints, decision).get(**{name: number})


def batches(wildcards):
    """The records of all batches; none of a search whose configurations are listed when the experiment is read."""
    wait_for_batch(CANDIDATES.batches)
    return [f"<results>/search/batch-{number}.json" for number in range(1, CANDIDATES.batches + 1)]


def records_of_search(wildcards):
    """Everything that the search has decided: its batches and its promotions."""
    wait_for_finalists()
    return batches(wildcards) + [f"<results>/search/rung-{number}.json" for number in range(2, len(BUDGETS) + 1)]


def search_of_batch(wildcards):
    """What the search asks for. What is newer there calls for the batches that are missing, and leaves those that are there alone."""
    there = Path(f"{RESULTS}/search/batch-{wildcards.batch}.json").exists()
    return ancient("<results>/search/search.json") if there else "<results>/search/search.json"


def batch_before(wildcards):
    number = int(wildcards.batch) - 1
    return ancient(f"<results>/search/batch-{number}.json") if number else []


def trials_of_batches_before(wildcards):
    """The trials of the first rung from which the next batch learns, in whatever state: a batch that is there stays."""
    number = int(wildcards.batch)
    if not CANDIDATES.learns or number == 1:
        return []
    wait_for_batch(number - 1)
    return [ancient(file) for file in files_of(POPULATION.first_rung(CANDIDATES.before(number)), "metrics.json")]


def trials_below(wildcards):
    """The trials of the rung below, which are compared for a rung."""
    below = int(wildcards.rung) - 1
    wait_for_rung(below)
    return files_of(POPULATION.rung(below), "metrics.json")


def record_below(wildcards):
    """The record of the rung below; the first rung has none."""
    below = int(wildcards.rung) - 1
    return f"<results>/search/rung-{below}.json" if below > 1 else []


def budgets_of_rungs(wildcards):
    """The epochs of the rung below and those of the rung."""
    return BUDGETS[int(wildcards.rung) - 2 : int(wildcards.rung)]


def trials_of_last_rung(wildcards):
    wait_for_rung(len(BUDGETS))
    return files_of(POPULATION.rung(len(BUDGETS)), "metrics.json")


def configuration_of_trial(wildcards):
    """All that determines the trial's result, seed and epochs apart."""
    one = CANDIDATES.find(wildcards.configuration)
    return {
        "model": one.model,
        "hyperparameters": one.hyperparameters,
        "training": one.training,
    }


def tensorboard_run(wildcards):
    return f"{RESULTS}/tensorboard/{wildcards.configuration}/seed-{wildcards.seed}"


def prediction_file(wildcards):
    """The file that a job predicts on."""
    try:
        return prediction_jobs.one_file(config.get("predictions"), wildcards.file)
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


def all_predictions(wildcards):
    """One output for each file of the configured folder, after a look at the files."""
    try:
        found = prediction_jobs.files(config.get("predictions"), say)
        if workflow.is_main_process:
            prediction_jobs.check_files(config["predictions"], found)
        return [f"<results>/predictions/{name}.h5" for name in found]
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


def code_of_shard(wildcards):
    """The conversion's code with that of the one source in use: another source's edit converts nothing again."""
    return digest("cascada.data.sources", catalogue.extension(shard_specification(wildcards)["kind"]).module)


def code_of_trial(wildcards):
    """The training's code with that of the one family in use: a family that is added trains nothing again."""
    return code_of_family(CANDIDATES.find(wildcards.configuration).model)


@functools.cache
def code_of_family(model):
    return digest("cascada.training.trial", families.extension(model).module)
