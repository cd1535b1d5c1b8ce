"""CUDA's libraries under the names that TensorFlow's wheel asks for, and whether they work.

``python benchmarks/cuda.py FOLDER`` links what this machine has into a new folder, and writes
``FOLDER/environment``, which a shell sources. ``--try`` multiplies matrices on the GPU instead.

TensorFlow finds the packages ``nvidia-*-cu12`` by itself if they lie beside it. Where CUDA is
elsewhere, or of another version, a link under the name that is asked for may do.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

LIBRARIES = (
    *("libcudart.so.12", "libcublas.so.12", "libcublasLt.so.12", "libcufft.so.11"),
    *("libcurand.so.10", "libcusolver.so.11", "libcusparse.so.12", "libcudnn.so.9"),
    *("libnccl.so.2", "libnvrtc.so.12", "libnvJitLink.so.12", "libcupti.so.12"),
)
# What XLA calls or reads, in the places where it looks; Triton, a part of PyTorch, carries some.
TOOLS = {
    "bin/ptxas": ("bin/ptxas",),
    "bin/nvlink": ("bin/nvlink",),
    "bin/fatbinary": ("bin/fatbinary",),
    "nvvm/libdevice/libdevice.10.bc": ("nvvm/libdevice/libdevice.10.bc", "lib/libdevice.10.bc"),
}


def homes(packages: Iterable[str | Path], systems: Iterable[str | Path]) -> list[Path]:
    """Return where CUDA may be: its packages in folders of packages, and those of the system."""
    found = [
        home
        for folder in map(Path, packages)
        for pattern in ("nvidia/*", "triton/backends/nvidia")
        for home in sorted(folder.glob(pattern))
    ]
    # Newer versions first.
    system = (home for path in map(Path, systems) for home in path.parent.glob(path.name))
    return [home for home in [*found, *sorted(system, key=_version, reverse=True)] if home.is_dir()]


def library(name: str, homes: Iterable[Path]) -> Path | None:
    """Return a library of this name or, where there is none, of another version."""
    places = ("lib", "lib64", "extras/CUPTI/lib64", ".")
    folders = [home / place for home in homes for place in places]
    for folder in folders:
        if (folder / name).exists():
            return folder / name
    any_version = f"{name.partition('.so.')[0]}.so.[0-9]*"
    others = [path for folder in folders for path in folder.glob(any_version)]
    return max(others, key=_version, default=None)


def _version(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path.name)]


def link(homes: list[Path], into: Path) -> None:
    """Link what is found into a new folder, and write what a shell must export."""
    shutil.rmtree(into, ignore_errors=True)
    (into / "lib").mkdir(parents=True)
    folders = [into / "lib"]
    for name in LIBRARIES:
        found = library(name, homes)
        print(f"{name}: {found or 'not found'}")
        if found:
            (into / "lib" / name).symlink_to(found)
            folders.append(found.resolve().parent)  # it may load others that lie beside it
    for tool, places in TOOLS.items():
        found = next((h / p for h in homes for p in places if (h / p).exists()), None)
        print(f"{tool}: {found or 'not found'}")
        if found:
            (into / tool).parent.mkdir(parents=True, exist_ok=True)
            (into / tool).symlink_to(found)
    path = ":".join(dict.fromkeys(map(str, folders)))
    (into / "environment").write_text(
        f"export LD_LIBRARY_PATH='{path}'${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\n"
        f'export XLA_FLAGS="--xla_gpu_cuda_data_dir={into} ${{XLA_FLAGS:-}}"\n'
        f"export PATH='{into}/bin':$PATH\n"
    )


def multiply() -> bool:
    """Multiply matrices in both precisions, with XLA and without; print how it went.

    Return whether the first way worked, without which there is nothing to measure.
    """
    import tensorflow as tf

    print(tf.__version__, dict(tf.sysconfig.get_build_info()))
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
        print(tf.config.experimental.get_device_details(gpu))
    worked = []
    for compiled in (False, True):
        for dtype in ("float32", "bfloat16"):
            way = f"{'XLA' if compiled else 'executor'}, {dtype}"
            try:
                worked.append(_product(tf, compiled, dtype))
                print(f"{way}: {'works' if worked[-1] else 'is wrong'}", flush=True)
            except Exception as error:  # each way by itself: all are worth knowing
                worked.append(False)
                print(f"{way}: {type(error).__name__}: {error}", flush=True)
    return bool(gpus) and worked[0]


def _product(tf, compiled: bool, dtype: str) -> bool:
    @tf.function(jit_compile=compiled)
    def product(x):
        return tf.reduce_max(x @ x)

    return float(product(tf.ones((256, 256), dtype))) == 256


def main(arguments: list[str]) -> int:
    if arguments == ["--try"]:
        return not multiply()
    (folder,) = arguments
    systems = ("/usr/local/cuda*", "/opt/cuda*", "/usr/lib/*-linux-gnu", "/usr/lib64")
    link(homes(sys.path, systems), Path(folder).absolute())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
