"""What every rule's script shares: its log, errors without a traceback, and nothing half-written on SIGTERM."""

import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from workflows import ROOT, environment

from cascada.core.errors import DataError
from cascada.core.scripts import logged

WRITING = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from cascada.core.files import atomic_path
from cascada.core.scripts import logged

folder = Path(sys.argv[1])
with logged(SimpleNamespace(log=[folder / "rule.log"], rule="merge")), atomic_path(folder / "out.h5") as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_sigterm_leaves_nothing_half_written(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", WRITING, str(tmp_path)], env=environment(ROOT))
    while not list(tmp_path.glob(".out.h5.*.tmp")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 128 + signal.SIGTERM
    assert [path.name for path in tmp_path.iterdir()] == ["rule.log"]


def test_an_error_for_the_user_is_one_sentence_in_the_log(tmp_path, capsys):
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as end, logged(SimpleNamespace(log=[tmp_path / "a/rule.log"], rule="merge")):
            print("begins")
            raise DataError("x.h5: broken.")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert end.value.code == 1
    assert (tmp_path / "a/rule.log").read_text() == "begins\nmerge: x.h5: broken.\n"
    assert "Traceback" not in capsys.readouterr().err


TRAIN = """
import os, runpy, signal, sys
from types import SimpleNamespace
from cascada.training import trial as training

training.train = lambda *_: print("files written") or os.kill(os.getpid(), signal.SIGTERM)
folder, script = sys.argv[1:]
rule = SimpleNamespace(
    rule="train", log=[f"{folder}/rule.log"], input=SimpleNamespace(data="train.h5"), threads=1,
    wildcards=SimpleNamespace(configuration="lenet-1", seed="1", epochs="2"),
    resources=SimpleNamespace(device="cpu", memory_tier="auto", precision="auto"),
    output=SimpleNamespace(metrics=f"{folder}/metrics.json"),
    config={"training": {"on_failure": "stop"}},
    params=SimpleNamespace(
        configuration={"model": "lenet", "hyperparameters": {}, "training": {}}, tensorboard=folder, code=""
    ),
)
runpy.run_path(script, init_globals={"snakemake": rule})
"""


def test_a_preemption_after_the_end_of_training_does_not_undo_it(tmp_path):
    command = [sys.executable, "-c", TRAIN, str(tmp_path), str(ROOT / "scripts" / "train.py")]
    done = subprocess.run(command, env=environment(ROOT), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "rule.log").read_text() == "files written\n"
