# Cascada: from raw air-shower simulations to a tested, versioned, deployable classifier.
from snakemake.utils import min_version

min_version("9.0")


if not workflow.configfiles:

    configfile: "config.yaml"


include: "rules/common.smk"


pathvars:
    results=RESULTS,


include: "rules/data.smk"
include: "rules/search.smk"
include: "rules/training.smk"
include: "rules/selection.smk"
include: "rules/testing.smk"
include: "rules/publishing.smk"


report: "report/workflow.rst"


localrules:
    all,
    data,
    search,
    tidy_trials,
    predictions,
    list_predictions,
    publish,


rule data:
    input:
        "<results>/dataset/card.json",


rule search:
    input:
        "<results>/selection/best.json",
        "<results>/search/scores.json",
        "<results>/search/storage.json",
        "<results>/search/search.json",
        "<results>/search/costs.tsv",
        "<results>/search/index.html",
        collect("<results>/selection/{plot}.png", plot=SELECTION_PLOTS),


rule all:
    default_target: True
    input:
        rules.data.input,
        rules.search.input,
        "<results>/test/metrics.json",
        "<results>/test/test.html",
        "<results>/test/behaviour.html",
        collect("<results>/model/{file}", file=MODEL_FILES),
        "<results>/model_check.json",
        ALSO,


rule predictions:
    input:
        "<results>/predictions.tsv",
