# The other runtimes on the same card. run.sh sources this.
# shellcheck shell=bash disable=SC2154 # what run.sh sets

peers() {
    bring_wheels
    models=$pack/models
    if [[ ! -f $models/densenet121.logits.npy ]]; then
        models=$scratch/models
        if ! step models 60 - python3 "$here/make_models.py" "$models"; then
            note peers skipped 0 "there are no models for them, see models"
            return
        fi
    fi
    if [[ $given_adapter ]]; then
        note cuda-peers skipped 0 "--adapter is given, so nothing runs on CUDA"
    elif ! command -v nvidia-smi > /dev/null; then
        note cuda-peers skipped 0 "there is no NVIDIA driver"
    else
        peer torch_eager 45
        peer torch_channels_last 45
        peer torch_graph 45
        peer ort_cuda 60
        peer torch_compile 120
    fi
    peer ncnn_vulkan 45
    peer burn 90
}

# peer NAME LIMIT
peer() {
    step "peer-$1" "$2" - python3 "$here/peers.py" "$1" --models "$models" --batches "$batches" --programs "$pack/bin" \
        --json "$out/peer-$1.json"
}

# Installs the wheels whose packages are not there, into a folder of this run's own.
bring_wheels() {
    local wheel name missing=()
    for wheel in "$pack"/wheels/*.whl; do
        name=${wheel##*/}
        name=${name%%-*}
        [[ ! -f $wheel ]] || python3 -c "import importlib.metadata as m; m.version('$name')" 2>/dev/null || missing+=("$wheel")
    done
    if ((${#missing[@]})); then
        step wheels 120 - python3 -m pip install --quiet --no-index --no-deps --no-compile --disable-pip-version-check \
            --target "$scratch/site" "${missing[@]}"
        export PYTHONPATH=$scratch/site:$PYTHONPATH PATH=$scratch/site/bin:$PATH
    fi
}
