# Raw files and surrogate runs -> shards -> one training file and one sealed test file -> data card.


rule convert:
    input:
        raw=raw_file,
    output:
        "<results>/dataset/shards/{source}/{name}.h5",
    log:
        "<results>/logs/convert/{source}/{name}.log",
    benchmark:
        "<results>/benchmarks/convert/{source}/{name}.tsv"
    conda:
        "../envs/cascada.yaml"
    params:
        shard=shard_specification,
        code=code_of_shard,
    script:
        "../scripts/convert.py"


rule merge:
    input:
        shards=all_shards,
    output:
        train="<results>/dataset/train.h5",
        test="<results>/dataset/test.h5",
        summary="<results>/dataset/summary.json",
        skipped="<results>/dataset/skipped.tsv",
    log:
        "<results>/logs/merge.log",
    benchmark:
        "<results>/benchmarks/merge/merge.tsv"
    conda:
        "../envs/cascada.yaml"
    params:
        data=config["data"],
        code=digest("cascada.data.merging"),
    script:
        "../scripts/merge.py"


rule merge_also:
    input:
        shards=shards_of_set,
        train="<results>/dataset/train.h5",
    output:
        "<results>/dataset/also/{set}.h5",
    log:
        "<results>/logs/merge_also/{set}.log",
    conda:
        "../envs/cascada.yaml"
    params:
        classes=config["data"]["classes"],
        signal=config["data"].get("signal", ""),
        repeated_numbers=config["data"]["repeated_numbers"],
        code=digest("cascada.data.also"),
    script:
        "../scripts/merge_also.py"


rule describe_data:
    input:
        summary="<results>/dataset/summary.json",
        train="<results>/dataset/train.h5",
    output:
        card="<results>/dataset/card.json",
        page=report(
            "<results>/dataset/card.html",
            category="1. Data",
            caption="../report/card.rst",
        ),
        spectra=report(
            "<results>/dataset/spectra.png",
            category="1. Data",
            caption="../report/spectra.rst",
        ),
        examples=report(
            "<results>/dataset/examples.png",
            category="1. Data",
            caption="../report/examples.rst",
        ),
    log:
        "<results>/logs/describe_data.log",
    conda:
        "../envs/cascada.yaml"
    params:
        code=digest("cascada.report.data_card", "cascada.report.data_page"),
    script:
        "../scripts/describe_data.py"
