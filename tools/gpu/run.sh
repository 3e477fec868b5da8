#!/usr/bin/env bash
# Checks and times densenet-wgpu and its peers on a bare machine with a graphics card, within a few minutes.
#
#   run.sh PACK_DIR OUT_DIR [--minutes 8] [--adapter NAME] [--batches 1,8,32,64] [--archive FILE]
#
# --minutes N      begin nothing after this, and stop what runs; what comes before the peers gets 65 percent of it
# --adapter NAME   run ours on this adapter in place of the first GPU; what needs CUDA is then left out
# --batches N,..   the batch sizes that are timed
# --archive FILE   keep a tar.gz of OUT_DIR here, renewed after each step
#
# The most valuable comes first. Each step's result is in OUT_DIR as soon as it has ended, and OUT_DIR/summary.md is current.
# The exit status is 0 whatever the steps found: steps.tsv says it.
set -u -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
usage() { sed -n '2,/^set /p' "$here/run.sh" | grep '^#' | cut -c3-; }
fail() { echo "error: $1" >&2; exit 2; }

minutes=8 adapter='' batches=1,8,32,64 archive='' folders=()
while (($#)); do
    case $1 in
        -h | --help) usage; exit ;;
        --*) (($# > 1)) || fail "$1 needs a value" ;;&
        --minutes) minutes=$2 ;;
        --adapter) adapter=$2 ;;
        --batches) batches=$2 ;;
        --archive) archive=$2 ;;
        --*) fail "$1 is unknown; run.sh --help lists the options" ;;
        *) folders+=("$1"); shift; continue ;;
    esac
    shift 2
done
((${#folders[@]} == 2)) || { usage >&2; exit 2; }
[[ $minutes =~ ^[0-9]+$ ]] || fail "--minutes takes a whole number, not $minutes"
[[ $batches =~ ^[1-9][0-9]*(,[1-9][0-9]*)*$ ]] || fail "--batches takes whole numbers with commas between them, not $batches"
pack=$(cd "${folders[0]}" && pwd) || fail "${folders[0]} is no folder"
mkdir -p "${folders[1]}" || fail "${folders[1]} cannot be made"
out=$(cd "${folders[1]}" && pwd)
[[ -z $(ls -A "$out") ]] || fail "$out is not empty: name another folder"
# What comes first must leave time for the rest: this many percent of it may have passed when a step begins or runs.
until_percent() { deadline=$((minutes * 60 * $1 / 100)); }
until_percent 100
given_adapter=$adapter
scratch=$(mktemp -d)
# What was remembered by an earlier run would make the times before tuning those of a tuned model.
export XDG_CACHE_HOME=$scratch/cache
export PYTHONPATH=$here:$here/../peers PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

sampler=''
finish() {
    [[ -z $sampler ]] || kill "$sampler" 2>/dev/null
    rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT TERM

# shellcheck source-path=SCRIPTDIR
{
    . "$here/steps.sh"
    . "$here/machine.sh"
    . "$here/vulkan.sh"
    . "$here/ours.sh"
    . "$here/peers.sh"
}

describe_machine
bring_vulkan "$pack/debs" "$scratch" > "$out/vulkan.txt"
note vulkan ok 0 "$(cat "$out/vulkan.txt")"
choose_adapter
if [[ $adapter ]]; then
    until_percent 45
    self_test
    verify
    self_test_all
    bench before densenet121 "$batches"
    bench before densenet201 "$(first_two "$batches")"
    tune densenet121 "$batches"
    until_percent 65
    bench after densenet121 "$batches"
    until_percent 100
else
    note ours skipped 0 "no GPU was found, see adapters.json; --adapter NAME names another adapter"
fi
peers
if [[ $adapter ]]; then
    tune densenet201 "$(first_two "$batches")"
    bench after densenet201 "$(first_two "$batches")"
    bench before densenet201 "$(behind_two "$batches")"
    verify_more
fi
echo "$out/summary.md"
