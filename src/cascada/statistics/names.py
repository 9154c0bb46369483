"""Names of the metrics as files have them, and as people read them, and how few showers are too few. Standard library only.

A test compares the schema's `search.metric` and what `metrics.evaluate` returns.
"""

METRICS = ("f1", "accuracy", "roc_auc", "loss")  # of a trial, in the order of every table
HEADLINES = METRICS[:3]  # the higher, the better
COMPARED = (*METRICS, "brier")  # of the sealed test, against the baselines
OF_CLASS = ("f1", "roc_auc", "brier", "ece")  # of each class's probability against all others'
CALIBRATED = ("loss", "brier", "ece")  # what a temperature is to improve
FEWEST_OF_CLASS = 30  # showers, below which a set beside the sealed showers is not compared with them
TITLES = {
    "f1": "F1",
    "accuracy": "accuracy",
    "roc_auc": "ROC AUC",
    "loss": "cross entropy",
    "brier": "Brier score",
    "ece": "expected calibration error",
    "merit_factor": "merit factor",
}
