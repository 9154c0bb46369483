# What a search asks for and what it decides while it runs, each decision a record that stays: what is tried next, what climbs to the next rung, who
# gets more seeds.


rule describe_search:
    output:
        "<results>/search/search.json",
    log:
        "<results>/logs/describe_search.log",
    localrule: True
    conda:
        "../envs/cascada.yaml"
    params:
        search=SEARCH,
    script:
        "../scripts/describe_search.py"


if CANDIDATES.batches:

    checkpoint propose:
        input:
            search=search_of_batch,
            before=batch_before,
            metrics=trials_of_batches_before,
        output:
            # kept, whatever has changed: a search that grows adds batches
            update("<results>/search/batch-{batch}.json"),
        log:
            "<results>/logs/propose/batch-{batch}.log",
        localrule: True
        conda:
            "../envs/cascada.yaml"
        params:
            tensorboard=f"{RESULTS}/tensorboard",
        script:
            "../scripts/propose.py"


if len(BUDGETS) > 1:

    checkpoint promote:
        input:
            metrics=trials_below,
            below=record_below,
            table="<results>/search/configurations.tsv",
        output:
            # kept until it is replaced: what follows from it must not stand alone if this job is killed
            update("<results>/search/rung-{rung}.json"),
        log:
            "<results>/logs/promote/rung-{rung}.log",
        localrule: True
        conda:
            "../envs/cascada.yaml"
        params:
            budgets=budgets_of_rungs,
            metric=config["search"]["metric"],
            code=digest("cascada.selection.deciding"),
        script:
            "../scripts/promote.py"


if POPULATION.more_seeds:

    checkpoint rescore:
        input:
            metrics=trials_of_last_rung,
            last=f"<results>/search/rung-{len(BUDGETS)}.json" if len(BUDGETS) > 1 else [],
            table="<results>/search/configurations.tsv",
        output:
            update("<results>/search/finalists.json"),
        log:
            "<results>/logs/rescore.log",
        localrule: True
        conda:
            "../envs/cascada.yaml"
        params:
            rescore=config["search"].get("rescore"),
            metric=config["search"]["metric"],
            code=digest("cascada.selection.deciding"),
        script:
            "../scripts/rescore.py"
