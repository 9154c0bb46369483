# The selected model -> a folder that stands alone, checked against PyTorch -> a version in git and DVC -> predictions.


rule export_model:
    input:
        best="<results>/selection/best.json",
        checkpoint="<results>/selection/checkpoint.pt",
        train="<results>/dataset/train.h5",
        summary="<results>/dataset/summary.json",
        tested="<results>/test/metrics.json",
        predictions="<results>/test/predictions.h5",
        also=collect("<results>/test/also/{name}/predictions.h5", name=config["testing"].get("also") or {}),
    output:
        collect("<results>/model/{file}", file=MODEL_FILES),
    log:
        "<results>/logs/export_model.log",
    conda:
        "../envs/cascada.yaml"
    params:
        experiment={key: value for key, value in config.items() if key not in NOT_SCIENCE},
        code=digest("cascada.export.write", "cascada.export.card"),
    script:
        "../scripts/export_model.py"


rule check_export:
    input:
        files=collect("<results>/model/{file}", file=MODEL_FILES),
        checkpoint="<results>/selection/checkpoint.pt",
        train="<results>/dataset/train.h5",
    output:
        check="<results>/model_check.json",
        page=report(
            "<results>/model.html",
            category="5. Model",
            caption="../report/model.rst",
        ),
    log:
        "<results>/logs/check_export.log",
    conda:
        "../envs/cascada.yaml"
    params:
        code=digest("cascada.export.check", "cascada.report.model"),
    script:
        "../scripts/check_export.py"


# The only rule that calls DVC, on the machine where it was typed; it has no output, so that it runs whenever it is asked for.
rule publish:
    input:
        model=collect("<results>/model/{file}", file=MODEL_FILES),
        check="<results>/model_check.json",
        behaviour="<results>/test/behaviour.json",
        tested=["<results>/test/metrics.json", "<results>/test/predictions.h5"],
        data=collect("<results>/dataset/{file}", file=["train.h5", "test.h5", "summary.json", "card.json"]),
        best="<results>/selection/best.json",
        histories=trial_files("history.tsv"),
        decisions=DECISIONS,
    log:
        "<results>/logs/publish.log",
    conda:
        "../envs/cascada.yaml"
    params:
        publishing=config["publishing"],
        undecided=config["behaviour"]["undecided"],
        version=config.get("version", ""),
    script:
        "../scripts/publish.py"


rule predict:
    input:
        model=collect(
            "{folder}/{file}", folder=config.get("predictions", {}).get("model", "artifacts/model"), file=MODEL_FILES
        ),
        file=prediction_file,
    output:
        "<results>/predictions/{file}.h5",
    log:
        "<results>/logs/predict/{file}.log",
    conda:
        "../envs/cascada.yaml"
    threads: 1
    params:
        predictions=config.get("predictions", {}),
        code=digest("cascada.export.predict", "cascada.data.sources.*"),
    script:
        "../scripts/predict.py"


rule list_predictions:
    input:
        all_predictions,
    output:
        "<results>/predictions.tsv",
    log:
        "<results>/logs/list_predictions.log",
    conda:
        "../envs/cascada.yaml"
    params:
        code=digest("cascada.export.prediction_list"),
    script:
        "../scripts/list_predictions.py"
