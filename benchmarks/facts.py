"""The machine's facts, without which a time says nothing. No names of hosts or paths."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = (
    *("tfae", "tensorflow", "keras", "numpy", "scikit-learn", "scipy"),
    *("torch", "jax", "jaxlib", "pyod"),
)
_FLAGS = (
    *("avx2", "avx512f", "avx512_vnni", "avx512_bf16"),
    *("amx_tile", "amx_bf16", "amx_int8"),
)


def facts(device: str) -> dict[str, Any]:
    """Return what a reader must know of the machine and its software."""
    cpu = _cpu()
    return {
        "device": device,
        "gpu": _gpu() if device == "gpu" else None,
        "cpu": cpu.get("model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "flags": [flag for flag in _FLAGS if flag in cpu.get("flags", "").split()],
        "memory_gb": _memory_gb(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "threads": {name: os.environ[name] for name in ("OMP_NUM_THREADS",) if name in os.environ},
    }


def sees_gpu() -> bool:
    """Return whether TensorFlow sees a GPU, as the contenders ask it.

    A process of its own looks: one that lived on would keep memory of the GPU.
    """
    looks = "import tensorflow as tf, sys; sys.exit(not tf.config.list_logical_devices('GPU'))"
    return subprocess.run([sys.executable, "-c", looks], check=False).returncode == 0


def _gpu() -> str | None:
    """Return the names of the GPUs, their driver and memory, as nvidia-smi says them."""
    ask = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        return subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _cpu() -> dict[str, str]:
    """Read Linux's description of the first core; empty on other systems."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
