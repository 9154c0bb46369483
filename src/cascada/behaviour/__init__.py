"""Behaviour that a trained classifier must show (the metrics alone do not tell), probed on validation showers.

Any callable that takes raw energies and returns probabilities can be probed: a checkpoint, the exported ONNX file or
PyTorch program (`predictors`), a function of your own:

    subject = Subject.read("results/demonstration/dataset/train.h5", predictors.from_onnx("results/demonstration/model"))
    for measurement in PROBES["symmetries"](subject): ...

| file            | content                                                        |
|-----------------|----------------------------------------------------------------|
| `settings.py`   | the config's section `behaviour`                                |
| `subject.py`    | a predictor with the showers it is probed on; measurements      |
| `predictors.py` | what can be probed                                              |
| `comparing.py`  | what probes share                                               |
| `probes/`       | one file per probe, with its thresholds and severities          |
| `runner.py`     | run all of them under pytest: behaviour.xml, behaviour.json     |
| `checks.py`     | what pytest runs                                                |
"""
