# One job per trial: a configuration with a seed, trained to a budget of epochs.


rule list_configurations:
    input:
        batches=batches,
        search="<results>/search/search.json" if CANDIDATES.batches else [],
    output:
        table="<results>/search/configurations.tsv",
    log:
        "<results>/logs/list_configurations.log",
    priority: 1  # before the data are converted: it asks the families whether they take what the search lists
    conda:
        "../envs/cascada.yaml"
    params:
        configurations=digest_of(CANDIDATES.all()) if not CANDIDATES.batches else None,
        shape=[config["search"]["seeds"], BUDGETS, config["search"].get("rescore")],
        tensorboard=f"{RESULTS}/tensorboard",
        # Of the modules alone: Snakemake does not look whether a job has changed that waits for an ancient file which is made
        # again, so that an edit which changed the table's digest too would train nothing until the next run.
        code=digest("cascada.experiment.spaces", "cascada.training.tensorboard", follow=False),
    script:
        "../scripts/list_configurations.py"


rule train:
    input:
        data="<results>/dataset/train.h5",
        # there before the first trial, and no reason to train again: a search that grows keeps what it has
        table=ancient("<results>/search/batch-1.json" if CANDIDATES.batches else "<results>/search/configurations.tsv"),
    output:
        metrics="<results>/trials/{configuration}/seed-{seed}/epochs-{epochs}/metrics.json",
        history="<results>/trials/{configuration}/seed-{seed}/epochs-{epochs}/history.tsv",
        checkpoint="<results>/trials/{configuration}/seed-{seed}/epochs-{epochs}/checkpoint.pt",
    log:
        "<results>/logs/train/{configuration}/seed-{seed}-epochs-{epochs}.log",
    benchmark:
        "<results>/benchmarks/train/{configuration}/seed-{seed}-epochs-{epochs}.tsv"
    conda:
        "../envs/cascada.yaml"
    threads: 1
    resources:
        device="auto",
        precision="auto",
        memory_tier="auto",
    params:
        configuration=configuration_of_trial,
        tensorboard=tensorboard_run,
        code=code_of_trial,
    script:
        "../scripts/train.py"


rule score_trials:
    input:
        data="<results>/dataset/train.h5",
        metrics=trial_files("metrics.json", POPULATION.everything),
        checkpoints=trial_files("checkpoint.pt", POPULATION.everything),
        decisions=DECISIONS,
    output:
        manifest="<results>/search/scores.json",
    log:
        "<results>/logs/score_trials.log",
    conda:
        "../envs/cascada.yaml"
    threads: 1
    resources:
        device="auto",
        memory_tier="auto",
    params:
        code=digest("cascada.training.scoring"),
    script:
        "../scripts/score_trials.py"


rule summarize_costs:
    input:
        metrics=trial_files("metrics.json", POPULATION.everything),
        decisions=DECISIONS,
    output:
        table="<results>/search/costs.tsv",
        page=report(
            "<results>/search/costs.html",
            category="2. Search",
            caption="../report/costs.rst",
        ),
    log:
        "<results>/logs/summarize_costs.log",
    conda:
        "../envs/cascada.yaml"
    params:
        benchmarks=f"{RESULTS}/benchmarks",
        code=digest("cascada.training.costs", "cascada.training.attempt_lines", "cascada.report.costs_page"),
    script:
        "../scripts/summarize_costs.py"
