#!/usr/bin/env bash
# Collects in one folder all that run.sh needs on a machine without a network.
#
#   tools/gpu/pack.sh OUT_DIR [--binaries DIR] [--burn FILE] [--models DIR] [--wheel NAME].. [--wheels] [--python 3.12] [--limit MIB]
#
# --binaries DIR   folder of densenet and densenet-bench (default: target/release of this repository)
# --burn FILE      peer-burn, where it is not in tools/peers/rust/target/release
# --models DIR     files that tools/peers made; without them run.sh makes them where PyTorch and torchvision are
# --wheel NAME     one package of requirements.txt, without what it needs; may be repeated
# --wheels         all of requirements.txt with all that they need: several GB, and no limit on the size
# --python X.Y     the version of Python on the machine that the wheels are for
# --limit MIB      refuse a larger pack (default: 64)
#
# Runs on Debian and Ubuntu, on x86-64, with a network.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
usage() { sed -n '2,/^set /p' "$here/pack.sh" | grep '^#' | cut -c3-; }
fail() { echo "error: $1" >&2; exit "${2:-1}"; }

out='' binaries=$root/target/release burn=$root/tools/peers/rust/target/release/peer-burn models='' python=3.12 limit=64
wheels=() all_wheels=false
while (($#)); do
    case $1 in
        -h | --help) usage; exit ;;
        --wheels) all_wheels=true; shift; continue ;;
        --*) (($# > 1)) || fail "$1 needs a value" 2 ;;&
        --binaries) binaries=$2 ;;
        --burn) burn=$2; [[ -f $burn ]] || fail "$burn is missing" ;;
        --models) models=$2 ;;
        --wheel) wheels+=("$2") ;;
        --python) python=$2 ;;
        --limit) limit=$2 ;;
        --*) fail "$1 is unknown; pack.sh --help lists the options" 2 ;;
        *) [[ -z $out ]] || fail "one folder is expected, not $out and $1" 2; out=$1; shift; continue ;;
    esac
    shift 2
done
[[ $out ]] || { usage >&2; exit 2; }
[[ ! -e $out ]] || [[ -d $out && -z $(ls -A "$out") ]] || fail "$out is there and not empty: name another folder"
for program in densenet densenet-bench; do
    [[ -x $binaries/$program ]] || fail "$binaries/$program is missing: cargo build --release"
done

mkdir -p "$out/bin" "$out/debs"
out=$(cd "$out" && pwd)
for program in densenet densenet-bench; do
    strip -o "$out/bin/$program" "$binaries/$program"
done
if [[ -f $burn ]]; then
    strip -o "$out/bin/peer-burn" "$burn"
fi
cp "$here"/*.sh "$here"/*.py "$root"/tools/peers/{models,python_peers}.py "$out"
rm "$out/pack.sh"

# The Vulkan loader, and what NVIDIA's driver looks for beside it. Root's apt cannot give up its rights in every folder, and says so.
(cd "$out/debs" && apt-get -qq -o APT::Sandbox::User=root download \
    libvulkan1 libegl1 libglvnd0 libopengl0 libgl1 libglx0 libgles2) ||
    fail "the packages of the Vulkan loader could not be downloaded: apt-get update"

if [[ $models ]]; then
    mkdir "$out/models"
    for file in "$models"/densenet121.{safetensors,onnx,ncnn.param,ncnn.bin,input.npy,logits.npy}; do
        if [[ -f $file ]]; then cp "$file" "$out/models"; else echo "$file is missing and left out" >&2; fi
    done
fi

download() {
    local platforms=() libc
    # pip matches these names exactly, and packages differ in which they take.
    for libc in {35..17}; do platforms+=(--platform "manylinux_2_${libc}_x86_64"); done
    "${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --only-binary=:all: --implementation cp \
        --python-version "$python" "${platforms[@]}" --platform manylinux2014_x86_64 --dest "$out/wheels" "$@"
}
if $all_wheels; then
    download -r "$here/requirements.txt"
fi
for name in "${wheels[@]}"; do
    pinned=$(grep -i "^$name==" "$here/requirements.txt") || fail "$name is not in $here/requirements.txt"
    download --no-deps "$pinned"
done

{ git -C "$root" describe --always --dirty 2>/dev/null || echo "no commit"; } > "$out/commit"
size=$(du -sm "$out" | cut -f1)
du -sm "$out"/*/
echo "$size MiB in $out"
$all_wheels || ((size <= limit)) || fail "that is more than $limit MiB: leave out models or wheels, or set --limit"
