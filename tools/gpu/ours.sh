# Our own steps: what is there, whether it is right, how long it takes. run.sh sources this.
# shellcheck shell=bash disable=SC2154 # what run.sh sets

# Names the adapter that everything of ours runs on: a GPU, and never the CPU engine in its place.
choose_adapter() {
    step adapters 30 adapters.json "$pack/bin/densenet" adapters --json
    if [[ -z $adapter && -f $out/adapters.json ]]; then
        adapter=$(python3 "$here/first_gpu.py" "$out/adapters.json")
    fi
}

# The variants that usual networks take.
self_test() {
    step doctor-quick 60 doctor-quick.json "$pack/bin/densenet" doctor --json --quick --adapter "$adapter"
}

# Every variant. It prints at its end only.
self_test_all() {
    step doctor 90 doctor.json "$pack/bin/densenet" doctor --json --adapter "$adapter"
}

# verify_one ARCH PRECISION [SIZE]
verify_one() {
    step "verify-$1-$2" 40 "verify-$1-$2.json" \
        "$pack/bin/densenet" verify --arch "$1" --precision "$2" --json --adapter "$adapter" ${3:+--size "$3"}
}

verify() {
    verify_one densenet121 f32
    verify_one densenet-bc-100-12 f32
    verify_one densenet201 f32 64
    verify_one densenet161 f32 64
    verify_one densenet121 f16
    verify_one densenet-bc-100-12 f16
}

# What only repeats the same kernels in other shapes.
verify_more() {
    verify_one densenet169 f32 64
    verify_one densenet264 f32 64
    verify_one densenet161 f16 64
    verify_one densenet169 f16 64
    verify_one densenet201 f16 64
    verify_one densenet264 f16 64
}

# bench before|after ARCH BATCHES: each batch size by itself, so that what was timed is there when a larger one is cut.
bench() {
    local batch untuned=()
    if [[ $1 == before ]] && "$pack/bin/densenet-bench" --help 2>/dev/null | grep -- --no-tune > /dev/null; then
        untuned=(--no-tune)
    fi
    for batch in ${3//,/ }; do
        if [[ $1 == after && ! -f $out/tune-$2-b$batch.json ]]; then
            note "bench-after-$2-b$batch" skipped 0 "it was not tuned"
            continue
        fi
        step "bench-$1-$2-b$batch" 60 "bench-$1-$2-b$batch.json" "$pack/bin/densenet-bench" --arch "$2" --batch "$batch" \
            --runs 30 --warmup 5 --layers --json --adapter "$adapter" "${untuned[@]}"
    done
}

tune() {
    local batch
    for batch in ${2//,/ }; do
        step "tune-$1-b$batch" 45 "tune-$1-b$batch.json" \
            "$pack/bin/densenet" tune --arch "$1" --batch "$batch" --json --adapter "$adapter"
    done
}

first_two() { cut -d, -f1,2 <<< "$1"; }
behind_two() { cut -s -d, -f3- <<< "$1"; }
