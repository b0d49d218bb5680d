#!/bin/sh
# Runs each fuzzer for a bounded time on its seeds and dictionary. What it finds stays in build/fuzz/found.
#
# usage: tests/fuzz.sh DIRECTORY-OF-FUZZERS SECONDS-EACH
set -u
dir=$1 seconds=$2
cd "$(dirname "$0")/.."
found=build/fuzz/found
mkdir -p "$found"
passed=0 failed=0
for program in "$dir"/fuzz_*; do
    [ -x "$program" ] || continue
    name=$(basename "$program" | sed 's/^fuzz_//')
    work=build/fuzz/work/$name
    mkdir -p "$work"
    dict=tests/fuzz/$name.dict
    seeds=tests/fuzz/corpus/$name
    if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$found/$name-" \
        $([ -f "$dict" ] && echo "-dict=$dict") "$work" $([ -d "$seeds" ] && echo "$seeds") >"build/fuzz/$name.log" 2>&1; then
        echo "ok    fuzz_$name: $(sed -n 's/^Done \([0-9]*\) runs.*/\1 runs/p' "build/fuzz/$name.log" | tail -n 1)"
        passed=$((passed + 1))
    else
        echo "FAIL  fuzz_$name"
        tail -n 30 "build/fuzz/$name.log" | sed 's/^/    /'
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
