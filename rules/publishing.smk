# The selected model -> a folder that stands alone, checked against PyTorch.

MODEL_FILES = ("model.onnx", "model.pt2", "model.json", "MODEL_CARD.md", "LICENSE", "probe.h5", "SHA256SUMS")
NOT_SCIENCE = {"publishing", "predictions", "version"}  # keys that change neither model nor test


rule export_model:
    input:
        best="<results>/selection/best.json",
        checkpoint="<results>/selection/checkpoint.pt",
        train="<results>/dataset/train.h5",
        summary="<results>/dataset/summary.json",
        tested="<results>/test/metrics.json",
    output:
        collect("<results>/model/{file}", file=MODEL_FILES),
    log:
        "<results>/logs/export_model.log",
    conda:
        "../envs/cascada.yaml"
    params:
        experiment={key: value for key, value in config.items() if key not in NOT_SCIENCE},
        code=digest("cascada.exporting"),
    script:
        "../scripts/export_model.py"


rule check_export:
    input:
        files=collect("<results>/model/{file}", file=MODEL_FILES),
        checkpoint="<results>/selection/checkpoint.pt",
        train="<results>/dataset/train.h5",
    output:
        "<results>/model_check.json",
    log:
        "<results>/logs/check_export.log",
    conda:
        "../envs/cascada.yaml"
    params:
        code=digest("cascada.exporting"),
    script:
        "../scripts/check_export.py"
