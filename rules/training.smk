# One job per trial: a configuration with a seed, trained to a budget of epochs.


rule list_configurations:
    output:
        table="<results>/search/configurations.tsv",
    params:
        search=config["search"],
        training=config["training"],
        tensorboard="<results>/tensorboard",
        code=digest("cascada.search"),
    log:
        "<results>/logs/list_configurations.log",
    conda:
        "../envs/cascada.yaml"
    script:
        "../scripts/list_configurations.py"


rule train:
    input:
        data="<results>/dataset/train.h5",
        # there before the first trial, and no reason to train again: a search that grows keeps what it has
        table=ancient("<results>/search/configurations.tsv"),
    output:
        metrics="<results>/trials/{configuration}/seed-{seed}/epochs-{epochs}/metrics.json",
        history="<results>/trials/{configuration}/seed-{seed}/epochs-{epochs}/history.tsv",
        checkpoint="<results>/trials/{configuration}/seed-{seed}/epochs-{epochs}/checkpoint.pt",
    params:
        configuration=configuration_of_trial,
        tensorboard="<results>/tensorboard/{configuration}/seed-{seed}",
        code=digest("cascada.training"),
    threads: 1
    resources:
        device="auto",
        precision="auto",
        memory_tier="auto",
    log:
        "<results>/logs/train/{configuration}/seed-{seed}-epochs-{epochs}.log",
    benchmark:
        "<results>/benchmarks/train/{configuration}/seed-{seed}-epochs-{epochs}.tsv"
    conda:
        "../envs/cascada.yaml"
    script:
        "../scripts/train.py"
