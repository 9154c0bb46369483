# The selected model, once, on the sealed showers. No other rule reads test.h5.


rule test_model:
    input:
        best="<results>/selection/best.json",
        checkpoint="<results>/selection/checkpoint.pt",
        test="<results>/dataset/test.h5",
        baselines="<results>/baselines/models.npz",
    output:
        metrics=report(
            "<results>/test/metrics.json",
            category="3. Test",
            caption="../report/test_metrics.rst",
        ),
        predictions="<results>/test/predictions.h5",
    log:
        "<results>/logs/test_model.log",
    conda:
        "../envs/cascada.yaml"
    resources:
        device="auto",
    params:
        testing=config["testing"],
        code=digest("cascada.testing"),
    script:
        "../scripts/test_model.py"


rule plot_test:
    input:
        predictions="<results>/test/predictions.h5",
        metrics="<results>/test/metrics.json",
    output:
        report(
            collect("<results>/test/{plot}.png", plot=TEST_PLOTS),
            category="3. Test",
            caption="../report/test_plots.rst",
        ),
    log:
        "<results>/logs/plot_test.log",
    conda:
        "../envs/cascada.yaml"
    params:
        code=digest("cascada.plots"),
    script:
        "../scripts/plot_test.py"
