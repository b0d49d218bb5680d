#!/bin/sh
# Runs test programs, a few at a time, and adds up what they say.
#
# usage: tests/run.sh LOGDIR JOBS PROGRAM...
#
# Each program is a cmocka group; its output goes to LOGDIR and is shown where it failed. A program that dies or
# takes longer than TEST_TIMEOUT_S counts as one failure. Skipped tests are named; with CI=true a skipped test is
# a failure. The last line is "N passed, N failed, N skipped".
set -u
logs=$1 jobs=$2
shift 2
mkdir -p "$logs"
: "${TEST_TIMEOUT_S:=240}"
export TEST_TIMEOUT_S

run_one='
log=$1/$(echo "$2" | sed "s|.*/tests/||; s|/|_|g").log
started=$(date +%s)
timeout "$TEST_TIMEOUT_S" "$2" >"$log" 2>&1 </dev/null
echo "exit $? after $(($(date +%s) - started)) s" >>"$log"
'
printf '%s\n' "$@" | xargs -P "$jobs" -I{} sh -c "$run_one" sh "$logs" {}

passed=0 failed=0 skipped=0
for program in "$@"; do
    name=$(echo "$program" | sed 's|.*/tests/||')
    log=$logs/$(echo "$name" | sed 's|/|_|g').log
    status=$(sed -n '$s/^exit \([0-9]*\) .*/\1/p' "$log")
    took=$(sed -n '$s/.* after \([0-9]*\) s$/\1/p' "$log")
    p=$(grep -c '^\[       OK \]' "$log")
    f=$(grep -c '^\[  FAILED  \] [A-Za-z_0-9]*$' "$log")
    s=$(grep -c '^\[  SKIPPED \] [A-Za-z_0-9]*$' "$log")
    # cmocka lists each failed and skipped test twice: as it happens and at the end.
    f=$(((f + 1) / 2)) s=$(((s + 1) / 2))
    [ "$status" != 0 ] && [ "$f" = 0 ] && f=1
    if [ "$f" != 0 ]; then
        echo "FAIL  $name: $f failed, $p passed (status $status)"
        grep -v '^\[ RUN  \|^\[       OK' "$log" | tail -n 60 | sed 's/^/    /'
    else
        echo "ok    $name: $p passed$([ "$s" = 0 ] || echo ", $s skipped")$([ "${took:-0}" -lt 3 ] || echo ", $took s")"
    fi
    [ "$s" = 0 ] || awk -v program="$name" '
        /^\[ RUN/ { why = "" }
        !/^\[/ { why = ": " $0; sub(/^: skipped: /, ": ", why) }
        /^\[  SKIPPED \] [A-Za-z_0-9]*$/ && !seen[$4]++ { print "    skipped in " program ": " $4 why }' "$log"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
[ "${CI:-}" = true ] && [ "$skipped" != 0 ] && {
    echo "in CI nothing may be skipped"
    failed=$((failed + skipped))
}
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
