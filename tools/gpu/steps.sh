# One step of a run: it has a limit, its result appears whole or not at all, and a line of steps.tsv says how it ended.
# run.sh sources this after it has set out, here, archive and deadline (in $SECONDS).
# shellcheck shell=bash disable=SC2154 # what run.sh sets

# A step that would begin with less time than this is skipped.
LEAST=5

# note NAME OUTCOME SECONDS TEXT: adds a line to steps.tsv, and brings the summary up to date.
note() {
    local text=${4//[$'\t\n']/ }
    { cat "$out/steps.tsv" 2>/dev/null; printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$text"; } > "$out/.steps"
    mv "$out/.steps" "$out/steps.tsv"
    printf '%4d s  %-32s %-8s %s\n' "$SECONDS" "$1" "$2" "$text"
    python3 "$here/summary.py" "$out" >> "$out/summary.log" 2>&1 || true
    if [[ $archive ]]; then
        tar -czf "$archive.part" -C "$out" . && mv "$archive.part" "$archive"
    fi
}

# step NAME LIMIT FILE COMMAND..: runs a command for at most LIMIT seconds. What it prints becomes FILE once it has ended, even
# if it ended with an error, since a check that found something wrong says what; FILE is - for a command that writes its own.
step() {
    local name=$1 limit=$2 file=$3 left=$((deadline - SECONDS)) log=$out/$1.log part start=$SECONDS code=0
    shift 3
    if ((left < LEAST)); then
        note "$name" skipped 0 "no time was left for it"
        return 1
    fi
    ((limit <= left)) || limit=$left
    if [[ $file == - ]]; then part=$log; else part=$out/$file.part; fi
    : > "$log"
    timeout --kill-after=3 "$limit" "$@" >> "$part" 2>> "$log" < /dev/null || code=$?
    # What was cut stays a part: nobody should take it for the whole.
    if [[ $file != - && -s $part ]] && ((code != 124 && code != 137)); then
        mv "$part" "$out/$file"
    fi
    find "$part" "$log" -empty -delete 2>/dev/null
    outcome "$name" "$code" "$limit" "$((SECONDS - start))" "$log"
    return "$code"
}

# outcome NAME CODE LIMIT SECONDS LOG: puts a step's end into words.
outcome() {
    local why=''
    if [[ -s $5 ]]; then
        why=$(grep -m1 -E '^([A-Za-z.]*[Ee]rror|not installed|wrong logits)\b' "$5" || tail -n1 "$5")
    fi
    case $2 in
        0) note "$1" ok "$4" '' ;;
        3 | 126 | 127) note "$1" missing "$4" "${why:0:300}" ;;
        124 | 137) note "$1" cut "$4" "its limit is $3 s" ;;
        2) if grep -qE 'unexpected argument|unrecognized subcommand' "$5" 2>/dev/null; then
            note "$1" skipped "$4" "this binary has no such command or option: $why"
        else
            note "$1" failed "$4" "${why:0:300}"
        fi ;;
        *) note "$1" failed "$4" "${why:-it ended with $2}" ;;
    esac
}
