#!/bin/sh
# Runs each fuzzer for a bounded time on its seeds and dictionary, JOBS at a time. What it finds stays in
# build/fuzz/found.
#
# usage: tests/fuzz.sh DIRECTORY-OF-FUZZERS SECONDS-EACH JOBS
set -u
dir=$1 seconds=$2 jobs=$3
cd "$(dirname "$0")/.."
found=build/fuzz/found
mkdir -p "$found"

run_one='
name=${1##*/fuzz_} dict= seeds=
mkdir -p "build/fuzz/work/$name"
[ ! -f "tests/fuzz/$name.dict" ] || dict=-dict=tests/fuzz/$name.dict
[ ! -d "tests/fuzz/corpus/$name" ] || seeds=tests/fuzz/corpus/$name
"$1" -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$3/$name-" $dict "build/fuzz/work/$name" $seeds \
    >"build/fuzz/$name.log" 2>&1 </dev/null
echo "exit $?" >>"build/fuzz/$name.log"
'
ls "$dir"/fuzz_* | xargs -P "$jobs" -I{} sh -c "$run_one" sh {} "$seconds" "$found"

passed=0 failed=0
for program in "$dir"/fuzz_*; do
    log=build/fuzz/${program##*/fuzz_}.log
    runs=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$log" | tail -n 1)
    if [ "$(tail -n 1 "$log")" = 'exit 0' ] && [ "${runs:-0}" -gt 0 ]; then
        echo "ok    ${program##*/}: $runs runs"
        passed=$((passed + 1))
    else
        echo "FAIL  ${program##*/}"
        tail -n 30 "$log" | sed 's/^/    /'
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
