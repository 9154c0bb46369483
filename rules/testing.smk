# The selected model, once, on the sealed showers (no other rule reads test.h5), and its behaviour on validation showers.


rule test_model:
    input:
        best="<results>/selection/best.json",
        checkpoint="<results>/selection/checkpoint.pt",
        test="<results>/dataset/test.h5",
        train="<results>/dataset/train.h5",
        baselines="<results>/baselines/models.npz",
        also=collect("<results>/dataset/also/{set}.h5", set=SETS_OF_SHOWERS),
    output:
        metrics="<results>/test/metrics.json",
        predictions="<results>/test/predictions.h5",
        mistakes="<results>/test/mistakes.h5",
        also=collect("<results>/test/also/{set}/{file}", set=SETS, file=["metrics.json", "predictions.h5"]),
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
        best="<results>/selection/best.json",
        mistakes="<results>/test/mistakes.h5",
    output:
        page=report(
            "<results>/test/test.html",
            category="3. Test",
            caption="../report/test_metrics.rst",
        ),
        scores=report(
            collect("<results>/test/{plot}.png", plot=SCORE_PLOTS),
            category="3. Test",
            caption="../report/test_scores.rst",
        ),
        energy=report(
            collect("<results>/test/{plot}.png", plot=ENERGY_PLOTS),
            category="3. Test",
            caption="../report/test_energy.rst",
        ),
    log:
        "<results>/logs/plot_test.log",
    conda:
        "../envs/cascada.yaml"
    params:
        code=digest("cascada.report.sealed.plots", "cascada.report.sealed.page"),
    script:
        "../scripts/plot_test.py"


rule test_behaviour:
    input:
        best="<results>/selection/best.json",
        checkpoint="<results>/selection/checkpoint.pt",
        train="<results>/dataset/train.h5",
    output:
        report="<results>/test/behaviour.json",
        xml="<results>/test/behaviour.xml",
    log:
        "<results>/logs/test_behaviour.log",
    conda:
        "../envs/cascada.yaml"
    resources:
        device="auto",
    params:
        behaviour={key: value for key, value in config["behaviour"].items() if key != "undecided"},
        spectrum={key: config["testing"][key] for key in ("spectrum_index", "simulated_index")},
        code=digest("cascada.behaviour.*", "cascada.behaviour.probes.*"),
    script:
        "../scripts/test_behaviour.py"


rule plot_behaviour:
    input:
        "<results>/test/behaviour.json",
    output:
        page=report(
            "<results>/test/behaviour.html",
            category="4. Behaviour",
            caption="../report/behaviour.rst",
        ),
        invariance=report(
            "<results>/test/invariance.png",
            category="4. Behaviour",
            caption="../report/invariance.rst",
        ),
        degradation=report(
            "<results>/test/degradation.png",
            category="4. Behaviour",
            caption="../report/degradation.rst",
        ),
    log:
        "<results>/logs/plot_behaviour.log",
    conda:
        "../envs/cascada.yaml"
    params:
        code=digest("cascada.report.behaviour", "cascada.report.behaviour_page"),
    script:
        "../scripts/plot_behaviour.py"
