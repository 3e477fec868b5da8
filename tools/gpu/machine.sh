# What the machine is, and its clocks while everything else runs. run.sh sources this.
# shellcheck shell=bash disable=SC2034,SC2154 # what run.sh sets, or takes

describe_machine() {
    {
        uname -a
        grep -h '^PRETTY_NAME' /etc/os-release
        lscpu 2>/dev/null | grep -E '^(Model name|CPU\(s\)|Thread|Flags)' | cut -c1-2000
        grep -E '^Mem(Total|Available)' /proc/meminfo
        [[ ! -f $pack/commit ]] || echo "commit: $(cat "$pack/commit")"
        "$pack/bin/densenet" --version
    } > "$out/machine.txt" 2>&1
    note machine ok 0 ''
    if ! command -v nvidia-smi > /dev/null; then
        note nvidia-smi missing 0 "there is no NVIDIA driver, or no nvidia-smi"
        return
    fi
    step nvidia-smi 20 nvidia-smi.txt nvidia-smi -q
    step card 10 card.csv nvidia-smi --format=csv,noheader,nounits \
        --query-gpu=name,driver_version,memory.total,clocks.max.sm,clocks.max.mem,power.limit
    nvidia-smi --format=csv,noheader,nounits --query-gpu=clocks.sm,clocks.mem,power.draw,temperature.gpu,utilization.gpu -l 1 \
        > "$out/clocks.csv" 2>/dev/null &
    sampler=$!
}
