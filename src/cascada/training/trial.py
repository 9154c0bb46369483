"""Train one trial: a configuration with a seed, to a budget of epochs.

Random numbers depend on seed, epoch and batch; a resume file holds the rest. So a trial that was interrupted
ends with the same bits as one that was not, and so does one that goes on from what a shorter budget left. Only training and validation showers are read here.
"""

import dataclasses
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from cascada.core import machine
from cascada.core.files import sha256
from cascada.data.loading import Showers
from cascada.experiment.hyperparameters import Hyperparameters
from cascada.models.augmentation import augment
from cascada.models.classifier import Classifier
from cascada.models.inputs import fit_transform
from cascada.statistics import metrics
from cascada.training import outcome, scores
from cascada.training.attempts import Attempt
from cascada.training.averaging import AveragedWeights
from cascada.training.interruption import Interruption, leave
from cascada.training.resume import STATE, Progress, ResumeFile, identity, last_snapshot, locked
from cascada.training.scores import EVALUATION_BATCH as EVALUATION_BATCH
from cascada.training.settings import METRICS, Machine, Trial
from cascada.training.state import State
from cascada.training.tensorboard import TrialLog


class Trainer:
    """Holds the network, its optimizer and its data while a trial runs; `scores`: logits (N, K) of its last validation."""

    scores: np.ndarray | None = None

    def __init__(self, trial: Trial, limits: Machine):
        machine.use_deterministically(limits.threads)
        self.trial, self.limits, self.state = trial, limits, State()
        self.device = machine.choose_device(limits.device)
        self.precision = machine.choose_precision(trial.settings.precision, limits.precision, self.device)
        self.common = trial.design.common
        self.training = Showers(trial.data, "train", self.device, limits.tier)
        self.validation = Showers(trial.data, "validation", self.device, limits.tier)
        self.energies = torch.tensor([channel != "muons" for channel in self.training.channels])
        torch.manual_seed(trial.seed)
        network = trial.design.build(len(self.training.channels), len(self.training.classes))
        transform = fit_transform(
            self.training.images(4096), self.common.transform, self.common.threshold, self.common.normalize
        )
        self.classifier = Classifier(
            transform, network, design=trial.design,
            channels=self.training.channels, class_names=self.training.classes,
        ).to(self.device)  # fmt: skip
        self.optimizer = make_optimizer(self.classifier, self.common)
        self.averaged = AveragedWeights(self.classifier, self.common.averaging) if self.common.averaging else None

    @property
    def evaluated(self) -> Classifier:
        """What is validated, selected and kept: the averaged weights where there are any."""
        return self.averaged.module if self.averaged else self.classifier

    def epoch(self, interruption: Interruption | bool, on_batch: Callable[[State], None]) -> bool:
        """Train until the epoch's end. Returns False if interrupted; then the state says where to resume."""
        state, generator = self.state, torch.Generator().manual_seed(_mix(self.trial.seed, self.state.epoch, 0))
        batches = self.training.batches(self.common.batch_size, generator, skip=state.batch)
        self.classifier.train()
        for images, labels in batches:
            if interruption:
                return False
            started = time.perf_counter()
            # a seed of its own for every batch: what an interruption cut off needs no state of random numbers
            seed = _mix(self.trial.seed, state.epoch, state.batch + 1)
            logits, loss = self.step(images, labels, seed)
            state.logits.append(logits)
            state.labels.append(labels)
            state.batch += 1
            state.seconds += time.perf_counter() - started
            if self.device.type == "cpu" and not np.isfinite(loss.item()):
                break
            on_batch(state)
        return True

    def step(self, images: torch.Tensor, labels: torch.Tensor, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """One optimisation step on images (n, C, 80, 80) and labels (n,); returns logits (n, K) and the loss."""
        torch.manual_seed(seed)
        images = augment(images, self.common.augmentation, seed, self.energies)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
            logits, auxiliary = self.classifier.forward_with_losses(images)
        loss = functional.cross_entropy(logits.float(), labels) + sum(auxiliary.values())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        if self.averaged:
            self.averaged.update_parameters(self.classifier)
        return logits.detach().float(), loss.detach()

    def validate(self, classifier: Classifier | None = None) -> dict[str, float]:
        """Metrics on validation showers: of a classifier, or of this training's as it stands, by a plain evaluation."""
        classifier = classifier or self.evaluated.plain()
        self.scores, labels = scores.compute(classifier, self.validation, self.precision)
        return metrics.evaluate(self.scores, labels, self.validation.signal)

    def finish_epoch(self) -> dict:
        """Evaluate, append the epoch's row to the history, note the best epoch and a divergence."""
        state, started = self.state, time.perf_counter()
        training = evaluate(state.logits, state.labels, self.training.signal)
        validation = self.validate()
        state.seconds += time.perf_counter() - started
        samples = sum(len(part) for part in state.labels)
        before = sum(row["seconds"] for row in state.history)
        row: dict[str, float] = {"epoch": state.epoch}
        row |= {f"training_{name}": training[name] for name in METRICS}
        row |= {f"validation_{name}": validation[name] for name in METRICS}
        row["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        row["seconds"] = state.seconds - before
        row["samples_per_second"] = samples / max(row["seconds"], 1e-9)
        row |= machine.usage(self.device)
        state.history.append(row)
        if not (np.isfinite(training["loss"]) and np.isfinite(validation["loss"])):
            state.status = "diverged"
        elif is_better(self.trial.settings.metric, row, state.best_row()):
            state.best_epoch = state.epoch
            state.best_weights = {k: v.detach().cpu().clone() for k, v in self.evaluated.state_dict().items()}
            state.best_scores = None if self.scores is None else torch.from_numpy(self.scores)
        state.epoch, state.batch, state.logits, state.labels = state.epoch + 1, 0, [], []
        return row

    def final_validation(self) -> tuple[dict | None, np.ndarray | None]:
        """Validation metrics of the best epoch and the logits (N, K) that they were computed from.

        By the symmetric evaluation, where it is asked for: it costs too much for every epoch. The metrics are None where it
        is not: then the history has them. The logits are None where no epoch was any good.
        """
        best = self.state.best_scores
        if self.classifier.views == 1 or self.state.best_weights is None:
            return None, None if best is None else best.cpu().numpy()
        return self.validate(self.best_classifier()), self.scores

    def best_classifier(self) -> Classifier:
        """The classifier with the weights of the best epoch, if there is one."""
        if self.state.best_weights is not None:
            self.classifier.load_state_dict(self.state.best_weights)
        return self.classifier

    def conditions(self, data_sha256: str, wall_seconds: float) -> outcome.Conditions:
        return outcome.Conditions(
            device=self.device, threads=self.limits.threads, precision=self.precision,
            memory_tier=self.training.tier, showers=len(self.training),
            signal=self.training.classes[self.training.signal],
            parameters=sum(weights.numel() for weights in self.classifier.parameters()),
            data_sha256=data_sha256, wall_seconds=wall_seconds,
        )  # fmt: skip

    def snapshot(self) -> dict:
        """Tensors and plain values alone, so that the file can be read with `weights_only=True`."""
        state = {item.name: getattr(self.state, item.name) for item in dataclasses.fields(State)}
        content = {"state": state, "weights": self.classifier.state_dict(), "optimizer": self.optimizer.state_dict()}
        return content | ({"averaged": self.averaged.state_dict()} if self.averaged else {})

    def restore(self, snapshot: dict) -> None:
        self.state = State(**snapshot["state"])
        self.classifier.load_state_dict(snapshot["weights"])
        self.optimizer.load_state_dict(snapshot["optimizer"])
        if self.averaged:
            self.averaged.load_state_dict(snapshot["averaged"])
        self.state.logits = [part.to(self.device) for part in self.state.logits]
        self.state.labels = [part.to(self.device) for part in self.state.labels]


def train(trial: Trial, limits: Machine, report=print) -> dict:
    """Run or resume a trial; write its outputs, scores and state into its folder (training.outcome); return the metrics.

    A second process on the same trial is refused with a CascadaError. On SIGTERM, SIGUSR2, Ctrl-C and
    when the workflow has died, the resume file is written, the marker too, and the process ends (`Interrupted`).
    """
    trial.folder.mkdir(parents=True, exist_ok=True)
    with (
        locked(trial.folder / "trial.lock"),
        Interruption() as interruption,
        Attempt(trial.folder, machine.choose_device(limits.device)) as attempt,
    ):
        trainer = Trainer(trial, limits)
        data_sha256 = sha256(trial.data)
        known = identity(trial, data_sha256, limits.threads, str(trainer.precision), trainer.training.tier)
        resume = ResumeFile(trial.folder / "resume.pt", known, trainer.device)
        snapshot, origin = last_snapshot(resume, trial, report)
        if snapshot:
            trainer.restore(snapshot)
        steps = -(-len(trainer.training) // trainer.common.batch_size)
        attempt.begin(known, trainer.state, steps, origin)
        progress = Progress(trial, trainer.device, steps, attempt)
        log = TrialLog(
            trial.tensorboard, trial.configuration, trial.seed,
            {"model": trial.design.model, **trial.hyperparameters()}, history=trainer.state.history,
        )  # fmt: skip
        with log:
            _run_epochs(trainer, interruption, resume, progress, log, report)
            conditions = trainer.conditions(data_sha256, attempt.wall_seconds())
            validation, logits = trainer.final_validation()
            result = outcome.describe(trial, trainer.state, validation, conditions)
            result["scores"] = scores.describe(logits, trainer.validation.events)
            if result["best_epoch"]:
                log.best({f"validation_{name}": result["validation"][name] for name in METRICS})
            log.end(result["status"])
        outcome.write(trial.folder, trainer.best_classifier().checkpoint(), trainer.state.history, logits, result)
        progress.end(result["status"])
        resume.keep_as(trial.folder / STATE)
    return result


def _run_epochs(trainer: Trainer, interruption, resume, progress, log, report) -> None:
    state = trainer.state
    while state.epoch <= trainer.trial.epochs and state.status == "running":
        if not trainer.epoch(interruption, progress.batch):
            resume.write(trainer.snapshot())
            progress.saved(state)
            leave(f"{interruption.reason}: saved at epoch {state.epoch}, batch {state.batch} in {resume.path}")
        row = trainer.finish_epoch()
        resume.write(trainer.snapshot())
        log.epoch(row["epoch"], {name: value for name, value in row.items() if name != "epoch"})
        progress.epoch(state, row)
        report(
            f"epoch {row['epoch']}/{trainer.trial.epochs}: training loss {row['training_loss']:.4f}, "
            f"validation loss {row['validation_loss']:.4f}, F1 {row['validation_f1']:.4f}, "
            f"{row['samples_per_second']:.0f} showers/s"
        )
    if state.status == "running":
        state.status = "completed"


def evaluate(logits: list[torch.Tensor], labels: list[torch.Tensor], signal: int) -> dict[str, float]:
    return metrics.evaluate(torch.cat(logits).cpu().numpy(), torch.cat(labels).cpu().numpy(), signal)


def make_optimizer(module: torch.nn.Module, common: Hyperparameters) -> torch.optim.Optimizer:
    # fused: one pass over the weights instead of a dozen, 4 % of the time of a step of lenet
    rate, decay = common.learning_rate, common.weight_decay
    if common.optimizer == "sgd":
        return torch.optim.SGD(module.parameters(), lr=rate, momentum=common.momentum, weight_decay=decay, fused=True)
    return torch.optim.Adam(module.parameters(), lr=rate, weight_decay=decay, fused=True)


def is_better(metric: str, row: dict, best: dict | None) -> bool:
    """Whether an epoch beats the best one so far by a validation metric; a tie is decided by the smaller loss."""
    if best is None:
        return True
    sign = -1 if metric == "loss" else 1
    return _key(metric, row, sign) > _key(metric, best, sign)


def _key(metric: str, row: dict, sign: int) -> tuple[float, float]:
    value = row[f"validation_{metric}"]
    return (sign * value if np.isfinite(value) else -np.inf, -row["validation_loss"])


def _mix(*numbers: int) -> int:
    """One seed from several numbers, without the overlaps that adding them would bring."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
