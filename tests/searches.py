"""The trained networks of a search without training any: answers on validation showers, drawn with a wanted separation."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cascada.data.format import SPLITS, Header, SourceRow, create, new_events
from cascada.experiment.population import TrialName
from cascada.selection.stored import Stored
from cascada.statistics import metrics

CLASSES = ("iron", "proton")
METRICS = ("f1", "accuracy", "roc_auc", "loss")


@dataclass
class Search:
    """`separations`: of each trial (configuration, seed, epochs) the distance of the classes in its logits, in their noise.

    All trials see the same showers and share half of their noise; `images` of every shower are alike but for the other half.
    """

    separations: dict[tuple[str, int, int], float]
    showers: int = 300
    images: int = 1
    seed: int = 1
    multiply_adds: dict[str, int] = field(default_factory=dict)
    diverged: tuple[tuple[str, int, int], ...] = ()

    def __post_init__(self):
        random = np.random.default_rng(self.seed)
        labels = random.integers(0, 2, self.showers)
        common = random.normal(0, 0.7, (self.showers, 2))
        self.shower_id = np.repeat(np.arange(self.showers) + 7, self.images)
        self.labels = np.repeat(labels, self.images)
        self.logits = {}
        for name, separation in self.separations.items():
            own = random.normal(0, 0.7, (len(self.labels), 2))
            lift = separation * np.eye(2)[self.labels]
            self.logits[TrialName(*name)] = (np.repeat(common, self.images, axis=0) + own + lift).astype(np.float32)

    def trials(self, epochs: int | None = None) -> list[dict]:
        """metrics.json of the trials, of one budget alone if it is given."""
        names = [name for name in self.logits if epochs in (None, name.epochs)]
        return [self.trial(name) for name in names]

    def trial(self, name: TrialName) -> dict:
        values = metrics.evaluate(self.logits[name], self.labels)
        diverged = (name.configuration, name.seed, name.epochs) in self.diverged
        return {
            "configuration": name.configuration, "model": name.configuration.split("-")[0], "hyperparameters": {"width": 8},
            "seed": name.seed, "epochs": name.epochs, "status": "diverged" if diverged else "completed", "validation": values,
            "best_epoch": 2, "parameters": 10, "wall_seconds": 5.0, "gpu_hours": 0.5, "samples_per_second": 500.0,
            "data_sha256": "00", "checkpoint": f"{name.configuration}-{name.seed}.pt",
        }  # fmt: skip

    def stored(self) -> Stored:
        order = sorted(
            (name for name in self.logits if (name.configuration, name.seed, name.epochs) not in self.diverged),
            key=lambda name: (name.epochs, name.configuration, name.seed),
        )
        return Stored(
            trials=order, logits=[self.logits[name] for name in order], labels=self.labels, shower_id=self.shower_id, signal=1,
            classes=["iron", "proton"],
            multiply_adds={name.configuration: self.multiply_adds.get(name.configuration, 1000) for name in order},
        )  # fmt: skip

    def write(self, folder: Path) -> dict[str, Path]:
        """Write train.h5, every trial with its scores, and search/scores.json; return the paths of trials by (…, epochs)."""
        from cascada.training import scores

        train = self._write_showers(folder / "train.h5")
        entries, found = [], {}
        for name, logits in self.logits.items():
            trial = self.trial(name)
            at = folder / f"{name.configuration}-{name.seed}-{name.epochs}"
            at.mkdir()
            (at / "metrics.json").write_text(json.dumps(trial))
            (at / "checkpoint.pt").write_bytes(repr(name).encode())
            scores.write(at, logits)
            described = scores.describe(logits, train["events"])
            entry = {key: trial[key] for key in ("configuration", "model", "seed", "epochs", "status")}
            entry |= {"path": str(at / "scores.npy"), "sha256": described["sha256"], "shape": described["shape"]}
            entries.append(entry | {"multiply_adds": self.multiply_adds.get(name.configuration, 1000)})
            found[name] = at / "metrics.json"
        manifest = {"showers_sha256": scores.identity_of(train["events"]), "trials": entries}
        (folder / "scores.json").write_text(json.dumps(manifest))
        return found

    def _write_showers(self, path: Path) -> dict:
        """Images without content; a shower for training comes first."""
        events = new_events(len(self.labels) + 1)
        events["label"][1:], events["shower_id"][1:] = self.labels, self.shower_id
        events["split"] = SPLITS["validation"]
        events["split"][0] = SPLITS["train"]
        with create(path, Header(classes=CLASSES), len(events)) as writer:
            writer.append(np.zeros((len(events), 1, 80, 80), np.float32), events)
            writer.write_sources([SourceRow(file="none", sha256="", kind="surrogate", events=len(events))])
        return {"events": events[1:]}
