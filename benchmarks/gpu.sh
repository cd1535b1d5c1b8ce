#!/usr/bin/env bash
# Times training on a GPU beside PyTorch and JAX, on a machine that may have no network.
#
#   benchmarks/gpu.sh [--wheels FOLDER] [--out FOLDER] [--work FOLDER] [--device gpu|cpu]
#                     [--limit SECONDS] [-- OPTIONS]
#
# What Python lacks, or has in too old a version, is installed from the wheels in FOLDER (default:
# ./wheels; without that folder, from the network) into an environment that also sees the packages of
# the machine. A wheel may lie there in parts, NAME.whl.part-00, -01, …; they are joined. SHA256SUMS,
# if it is there, is checked, of parts and of whole wheels. OPTIONS go to `python -m benchmarks`.
#
# The output is results.json and log.txt, and failed.txt if something failed: it says what. All else
# is written to --work (default: a folder in TMPDIR); this repository and the wheels are only read.
# `--device cpu` rehearses the whole way where there is no GPU.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
wheels=wheels out=gpu-results work=${TMPDIR:-/tmp}/tfae-gpu-$(id -u) device=gpu limit=540
while (($#)); do
    case $1 in
        --) shift; break ;;
        --wheels | --out | --work | --device | --limit)
            (($# > 1)) || { echo "$1 needs a value" >&2; exit 2; }
            printf -v "${1#--}" %s "$2" ;;
        *) echo "unknown option $1; see the head of this file" >&2; exit 2 ;;
    esac
    shift 2
done
[[ $device == gpu || $device == cpu ]] || { echo "--device must be gpu or cpu" >&2; exit 2; }
options=("$@")
((${#options[@]})) || options=(--only seed-256 seed-1024 digits convolutional --repeats 3)

mkdir -p "$out" "$work" && out=$(cd "$out" && pwd) && work=$(cd "$work" && pwd)
rm -f "$out"/failed.txt "$out"/results.json
exec > >(tee "$out/log.txt") 2>&1
tee=$!
trap 'exec >&- 2>&-; wait $tee' EXIT # so that the log is whole
end() { echo "$1" | tee "$out/failed.txt"; exit 1; }

echo "== wheels"
from=()
if [[ -d $wheels ]]; then
    wheels=$(cd "$wheels" && pwd) all=$work/wheels
    rm -rf "$all" && mkdir "$all"
    find "$wheels" -maxdepth 1 -type f -exec ln -s -t "$all" {} +
    for first in "$all"/*.part-00; do
        [[ -e $first ]] || continue
        whole=${first%.part-00}
        [[ -e $whole ]] || cat "$whole".part-* > "$whole" || end "the disk of $work is full"
    done
    if [[ -e $all/SHA256SUMS ]]; then
        (cd "$all" && sha256sum --check --quiet SHA256SUMS) ||
            end "a wheel is damaged or missing: see log.txt"
    fi
    from=(--no-index --find-links "$all")
fi

echo "== Python"
python3 -c 'import sys; print(sys.version); sys.exit(sys.version_info < (3, 11))' ||
    end "python3 must be Python 3.11 or later"
env=$work/env target=()
export PYTHONPATH=$root/src:$root${PYTHONPATH:+:$PYTHONPATH} PYTHONDONTWRITEBYTECODE=1
# The packages of the machine stay visible: PyTorch and JAX are there and fit its driver. Debian's
# venv has no pip without another package, so the machine's own is taken.
if [[ -x $env/bin/python ]] || python3 -m venv --system-site-packages --without-pip "$env"; then
    python=$env/bin/python
    # `python3` may belong to an environment itself, whose packages another one does not see.
    python3 -c 'import site, sys; print(*(p for p in sys.path if "site-packages" in p or "dist-packages" in p), sep="\n")' \
        > "$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/machine.pth"
else
    echo "no environment can be made; all is installed into a folder, what the machine has too"
    python=python3 target=(--target "$work/packages" --upgrade)
    PYTHONPATH=$work/packages:$PYTHONPATH
fi
pip=("$python" -m pip)
if ! "${pip[@]}" --version; then
    carried=$(compgen -G "${all:-/nowhere}/pip-*.whl" | head -1 || true)
    [[ -n $carried ]] || end "python3 has no pip; put a wheel of pip among the others"
    pip=("$python" "$carried/pip")
fi
mapfile -t needed < <("$python" - "$root/pyproject.toml" <<'END'
import sys, tomllib
print(*tomllib.load(open(sys.argv[1], "rb"))["project"]["dependencies"], sep="\n")
END
)
"${pip[@]}" install --quiet --disable-pip-version-check --no-cache-dir "${from[@]}" "${target[@]}" \
    "${needed[@]}" || end "these packages, or what they need, could not be installed: ${needed[*]}"
TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1 "$python" -c 'import tensorflow, tfae' ||
    end "TensorFlow or tfae cannot be imported: see log.txt"
for package in torch jax; do
    "$python" -c "import $package; print('$package', $package.__version__)" ||
        echo "without $package: nothing is compared with it"
done

if [[ $device == gpu ]]; then
    echo "== GPU"
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv ||
        end "nvidia-smi finds no GPU"
    "$python" "$root/benchmarks/cuda.py" "$work/cuda"
    source "$work/cuda/environment"
    # TensorFlow's wheel has code for this GPU in a form that the driver compiles: once, not per process.
    export CUDA_CACHE_PATH=$work/cuda-cache CUDA_CACHE_MAXSIZE=4294967296
    TF_CPP_MIN_LOG_LEVEL=0 timeout 300 "$python" "$root/benchmarks/cuda.py" --try ||
        end "TensorFlow cannot use the GPU: see log.txt"
fi

echo "== benchmarks: ${options[*]}"
cd "$root"
# Every case is written when it ends. What hangs is killed half a minute after the limit.
timeout --signal=INT --kill-after=30 "$limit" "$python" -m benchmarks --device "$device" \
    --scratch "$work" --json "$out/results.json" "${options[@]}" ||
    end "ended with status $? (124, 137: the limit of $limit s; 1: see the lines FAILED of log.txt)"
ls -l "$out"
