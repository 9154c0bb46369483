"""Energy that hardware counters tell: a GPU's by NVML, the processors' by RAPL (/sys/class/powercap). None where nothing does.

Both counters are of whole devices, so a share is counted: of the GPU 1/n while n processes compute on it, of the
processors our CPU seconds over those of all processes of the machine, between two samples.
"""

import time
from pathlib import Path
from typing import Any

import psutil
import torch

DETERMINES_NO_RESULT = True  # for cascada.core.digest

RAPL = Path("/sys/class/powercap")
PACKAGES = "intel-rapl:?"  # whole sockets (AMD's too); intel-rapl:0:0 and its like are parts of them


class Meter:
    """Sums up energy [J] and the share of a GPU [s] between samples, which are taken every few seconds.

    Attributes: `gpu_joules`, `cpu_joules`: None as long as no counter tells; `gpu_seconds`: time on the GPU times our share of it.
    """

    def __init__(self, device: torch.device, rapl: Path = RAPL):
        self.gpu_joules: float | None = None
        self.cpu_joules: float | None = None
        self.gpu_seconds = 0.0
        self._on_gpu = device.type == "cuda"
        self._nvml = _handle(device) if self._on_gpu else None
        self._packages = sorted(rapl.glob(PACKAGES))
        self._last = self._read()

    def sample(self) -> None:
        """Add what the counters have gone on by since the last sample."""
        now, last = self._read(), self._last
        self._last = now
        if self._on_gpu:
            self.gpu_seconds += (now["time"] - last["time"]) / now["processes"]
        if now["gpu"] is not None and last["gpu"] is not None:
            self.gpu_joules = (self.gpu_joules or 0.0) + (now["gpu"] - last["gpu"]) / now["processes"]
        if now["packages"] and len(now["packages"]) == len(last["packages"]):
            joules = sum(map(_went_on, last["packages"], now["packages"]))
            busy, ours = now["busy"] - last["busy"], now["cpu"] - last["cpu"]
            self.cpu_joules = (self.cpu_joules or 0.0) + joules * min(1.0, ours / busy if busy > 0 else 1.0)

    def _read(self) -> dict[str, Any]:
        return {
            "time": time.monotonic(),
            "gpu": _gpu_joules(self._nvml),
            "processes": _processes(self._nvml),
            "packages": _packages(self._packages),
            "busy": _busy_seconds(),
            "cpu": time.process_time(),
        }


def _handle(device: torch.device) -> Any:
    """NVML's handle of a device of PyTorch, whose numbers differ under CUDA_VISIBLE_DEVICES; None without NVML."""
    try:
        import pynvml

        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
    except Exception:  # no driver, no permission, a part of a GPU: energy is no reason to end a training
        return None


def _gpu_joules(handle: Any) -> float | None:
    try:
        import pynvml

        return None if handle is None else pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000
    except Exception:  # older GPUs have no such counter
        return None


def _processes(handle: Any) -> int:
    """How many processes compute on the GPU, at least ours."""
    try:
        import pynvml

        return 1 if handle is None else max(1, len(pynvml.nvmlDeviceGetComputeRunningProcesses(handle)))
    except Exception:
        return 1


def _packages(folders: list[Path]) -> list[tuple[float, float]]:
    """Counter and range [J] of each package; empty where they may not be read (often the administrator alone may)."""
    try:
        return [(_joules(one / "energy_uj"), _joules(one / "max_energy_range_uj")) for one in folders]
    except (OSError, ValueError):
        return []


def _joules(file: Path) -> float:
    return int(file.read_text()) / 1e6


def _went_on(before: tuple[float, float], now: tuple[float, float]) -> float:
    """By how much a counter has gone on that begins again at 0 behind its range."""
    difference = now[0] - before[0]
    return difference if difference >= 0 else difference + now[1]


def _busy_seconds() -> float:
    """CPU seconds of all processes of the machine since it started."""
    times = psutil.cpu_times()
    return sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq"))
