# All trials -> leaderboard and the best configuration, chosen on validation showers and frozen before the test.


rule train_baselines:
    input:
        data="<results>/dataset/train.h5",
    output:
        models="<results>/baselines/models.npz",
        metrics="<results>/baselines/metrics.json",
    log:
        "<results>/logs/train_baselines.log",
    conda:
        "../envs/cascada.yaml"
    params:
        seed=config["testing"]["seed"],
        code=digest("cascada.baselines"),
    script:
        "../scripts/train_baselines.py"


rule select:
    input:
        table="<results>/search/configurations.tsv",
        metrics=trial_files("metrics.json"),
        checkpoints=trial_files("checkpoint.pt"),
        left_behind=trial_files("metrics.json", POPULATION.left_behind),
        finalists="<results>/search/finalists.json" if POPULATION.more_seeds else [],
        decisions=DECISIONS,
        baselines="<results>/baselines/metrics.json",
        # what the validation showers were answered, and their labels
        scores="<results>/search/scores.json",
        train="<results>/dataset/train.h5",
    output:
        leaderboard="<results>/selection/leaderboard.tsv",
        best="<results>/selection/best.json",
        checkpoint="<results>/selection/checkpoint.pt",
    log:
        "<results>/logs/select.log",
    conda:
        "../envs/cascada.yaml"
    params:
        metric=config["search"]["metric"],
        selection={name: config["selection"][name] for name in ("rule", "tolerance", "seed")},
        search={"seeds": config["search"]["seeds"], "learns": CANDIDATES.learns},
        frozen=FROZEN,
        code=digest("cascada.selection.ranking"),
    script:
        "../scripts/select.py"


rule tidy_trials:
    input:
        best="<results>/selection/best.json",
        metrics=trial_files("metrics.json"),
        decisions=DECISIONS,
        # written before anything goes
        scores="<results>/search/scores.json",
    output:
        manifest="<results>/search/storage.json",
    log:
        "<results>/logs/tidy_trials.log",
    conda:
        "../envs/cascada.yaml"
    params:
        keep=config["training"]["keep"],
        code=digest("cascada.selection.storage", follow=False),
    script:
        "../scripts/tidy_trials.py"


rule plot_selection:
    input:
        leaderboard="<results>/selection/leaderboard.tsv",
        histories=trial_files("history.tsv"),
        decisions=DECISIONS,
        summary="<results>/dataset/summary.json",
    output:
        leaderboard=report(
            "<results>/selection/leaderboard.png",
            category="2. Search",
            caption="../report/leaderboard.rst",
        ),
        learning_curves=report(
            "<results>/selection/learning_curves.png",
            category="2. Search",
            caption="../report/learning_curves.rst",
        ),
    log:
        "<results>/logs/plot_selection.log",
    conda:
        "../envs/cascada.yaml"
    params:
        metric=config["search"]["metric"],
        code=digest("cascada.report.search.pictures"),
    script:
        "../scripts/plot_selection.py"


rule plot_search:
    input:
        leaderboard="<results>/selection/leaderboard.tsv",
        best="<results>/selection/best.json",
        search="<results>/search/search.json",
        summary="<results>/dataset/summary.json",
        costs="<results>/search/costs.tsv",
        metrics=trial_files("metrics.json", POPULATION.everything),
        histories=trial_files("history.tsv", POPULATION.everything),
        records=records_of_search,
        decisions=DECISIONS,
    output:
        page="<results>/search/index.html",
        # Chromium leaves a page of the report empty from 2 MiB on, so the whole page cannot stand there
        in_report=report(
            "<results>/search/search.html",
            category="2. Search",
            caption="../report/search.rst",
        ),
    log:
        "<results>/logs/plot_search.log",
    conda:
        "../envs/cascada.yaml"
    params:
        code=digest("cascada.report.search.content", "cascada.report.search.page"),
    script:
        "../scripts/plot_search.py"
