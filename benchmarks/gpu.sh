#!/usr/bin/env bash
# Times training on a GPU beside PyTorch and JAX, on a machine that may have no network.
#
#   benchmarks/gpu.sh [--wheels FOLDER] [--out FOLDER] [--device gpu|cpu] [--limit SECONDS] [-- OPTIONS]
#
# Everything that Python lacks is installed from the wheels in FOLDER (default: ./wheels), into an
# environment that also sees the packages of the machine. A wheel may lie there in parts, NAME.whl.part-00,
# -01, …; they are joined. SHA256SUMS, if it is there, is checked. OPTIONS go to `python -m benchmarks`.
#
# The output is results.json and log.txt. If something is missing, failed.txt says what. `--device cpu`
# rehearses the whole way where there is no GPU.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
wheels=wheels out=gpu-results device=gpu limit=540
while (($#)); do
    case $1 in
        --wheels) wheels=$2 ;;
        --out) out=$2 ;;
        --device) device=$2 ;;
        --limit) limit=$2 ;;
        --) shift; break ;;
        *) echo "unknown option $1; see the head of this file" >&2; exit 2 ;;
    esac
    shift 2
done
options=("$@")
((${#options[@]})) || options=(--only seed-256 seed-1024 digits convolutional --repeats 3)

mkdir -p "$out" && out=$(cd "$out" && pwd)
rm -f "$out"/failed.txt "$out"/results.json
exec > >(tee "$out/log.txt") 2>&1
end() { echo "$1" | tee "$out/failed.txt"; exit 1; }

echo "== wheels"
if [[ -d $wheels ]]; then
    for first in "$wheels"/*.part-00; do
        [[ -e $first ]] || continue
        whole=${first%.part-00}
        [[ -e $whole ]] || { cat "$whole".part-* > "$whole.tmp" && mv "$whole.tmp" "$whole"; }
    done
    if [[ -e $wheels/SHA256SUMS ]]; then
        (cd "$wheels" && sha256sum --check --quiet SHA256SUMS) || end "a wheel is damaged or missing: see log.txt"
    fi
fi

echo "== Python"
# The packages of the machine stay visible: PyTorch and JAX are there and fit its driver.
env=$out/env
[[ -x $env/bin/python ]] || python3 -m venv --system-site-packages "$env" || end "python3 cannot make an environment"
python=$env/bin/python
missing=()
for package in tensorflow keras narwhals safetensors cloudpickle joblib pandas scipy sklearn threadpoolctl; do
    "$python" -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$package') is None)" ||
        missing+=("${package/sklearn/scikit-learn}")
done
if ((${#missing[@]})); then
    echo "installing ${missing[*]}"
    "$python" -m pip install --quiet --no-index --find-links "$wheels" "${missing[@]}" ||
        end "these packages, or what they need, are not among the wheels: ${missing[*]}"
fi
export PYTHONPATH=$root/src:$root${PYTHONPATH:+:$PYTHONPATH}

if [[ $device == gpu ]]; then
    echo "== GPU"
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv || end "nvidia-smi finds no GPU"
    # TensorFlow loads CUDA's libraries by these names. It finds those of the packages nvidia-*-cu12 by
    # itself. Where there is only another version, a link under the name that is asked for may do.
    links=$out/cuda && mkdir -p "$links"
    folders=$("$python" - <<'END'
import glob, os, site, sys
roots = [*site.getsitepackages(), *sys.path]
found = {f for r in roots if r for f in glob.glob(os.path.join(r, "nvidia", "*", "lib"))}
print("\n".join(sorted({*found, *glob.glob("/usr/local/cuda*/lib64"), *glob.glob("/usr/lib/*-linux-gnu")})))
END
)
    for name in libcudart.so.12 libcublas.so.12 libcublasLt.so.12 libcufft.so.11 libcusolver.so.11 \
        libcusparse.so.12 libcudnn.so.9 libnccl.so.2 libnvrtc.so.12 libnvJitLink.so.12 libcupti.so.12; do
        exact="" other=""
        while read -r folder; do
            if [[ -e $folder/$name ]]; then exact=$folder/$name; break; fi
            [[ -n $other ]] || other=$(compgen -G "$folder/${name%%.so.*}.so.[0-9]*" | head -1 || true)
        done <<< "$folders"
        if [[ -n $exact ]]; then ln -sf "$exact" "$links/$name"
        elif [[ -n $other ]]; then echo "$name: taking $(basename "$other")"; ln -sf "$other" "$links/$name"
        else echo "$name: not found"; fi
    done
    export LD_LIBRARY_PATH=$links${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    # ptxas and libdevice, which XLA looks for.
    cuda=$(compgen -G "/usr/local/cuda*" | sort -V | tail -1 || true)
    [[ -z $cuda ]] || export XLA_FLAGS="--xla_gpu_cuda_data_dir=$cuda ${XLA_FLAGS:-}"
    TF_CPP_MIN_LOG_LEVEL=0 "$python" - <<'END' || end "TensorFlow cannot use the GPU: see log.txt"
import sys
import tensorflow as tf

print(tf.__version__, tf.sysconfig.get_build_info().get("cuda_version"))
gpus = tf.config.list_physical_devices("GPU")
for gpu in gpus:
    tf.config.experimental.set_memory_growth(gpu, True)
    print(tf.config.experimental.get_device_details(gpu))
if not gpus:
    sys.exit(1)
for compiled in (False, True):  # without XLA, and with it
    for dtype in ("float32", "bfloat16"):
        x = tf.ones((256, 256), dtype)
        product = tf.function(lambda x: tf.reduce_sum(x @ x), jit_compile=compiled)(x)
        print("XLA" if compiled else "executor", dtype, float(product))
END
fi

echo "== benchmarks: ${options[*]}"
cd "$root"
# What was measured before the limit is in the file.
timeout --signal=INT "$limit" "$python" -m benchmarks --device "$device" --json "$out/results.json" "${options[@]}" ||
    echo "ended with status $? (124: the limit of $limit s)" | tee "$out/failed.txt"
ls -l "$out"
