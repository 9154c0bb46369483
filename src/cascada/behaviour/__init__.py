"""Behaviour that a trained classifier must show (the metrics alone do not tell), probed on validation showers.

Any callable that takes raw energies and returns probabilities can be probed: a checkpoint, the exported ONNX file or
PyTorch program (`predictors`), a function of your own:

    subject = Subject.read("results/demonstration/dataset/train.h5", predictors.from_onnx("results/demonstration/model"))
    for measurement in PROBES["symmetries"](subject): ...

| file                 | content                                                        |
|----------------------|----------------------------------------------------------------|
| `settings.py`        | name, threshold and severity of every probe                     |
| `verdicts.py`        | passed, undecided, failed: value and interval against threshold |
| `subject.py`         | a predictor with the showers it is probed on; measurements      |
| `transformations.py` | what is done to images: pure functions                          |
| `probes.py`          | the probes of a predictor                                       |
| `leaks.py`           | the probes of the data and of the training                      |
| `runner.py`          | run all of them under pytest: behaviour.xml, behaviour.json     |
| `checks.py`          | what pytest runs                                                |
"""
