#!/bin/sh
# Every test, in the order in which a mistake shows soonest. Adds up the closing lines of all parts; the last line is
# "N passed, N failed, N skipped" and the status 0 only where nothing failed.
#
# usage: tests/check.sh JOBS
set -u
jobs=$1
cd "$(dirname "$0")/.."
out=build/check.log
mkdir -p build
: >"$out"
failed_parts=

cpu_s() { # processor time so far of all that this script ran
    awk 'NR == 2 { gsub("s", ""); split($1, u, "m"); split($2, k, "m"); printf "%d", u[1] * 60 + u[2] + k[1] * 60 + k[2] }' build/check.times
}
part() { # NAME COMMAND...
    name=$1
    shift
    times >build/check.times
    started=$(date +%s) cpu=$(cpu_s)
    echo "== $name"
    { "$@" 2>&1; echo $? >build/check.status; } | tee -a "$out"
    [ "$(cat build/check.status)" = 0 ] || failed_parts="$failed_parts '$name'"
    times >build/check.times
    echo "== $name: $(($(date +%s) - started)) s, $(($(cpu_s) - cpu)) s of processor time"
}

make_it() {
    make --no-print-directory -j"$jobs" "$@"
}
quiet_build() { # a build prints only what went wrong
    make_it "$@" >build/build.log 2>&1 && return 0
    tail -n 60 build/build.log
    echo "0 passed, 1 failed, 0 skipped"
    return 1
}

part 'build, gcc' quiet_build all
part 'unit and engine tests, gcc' make_it -s check-unit
part 'unit and engine tests, clang, AddressSanitizer and UndefinedBehaviorSanitizer' make_it -s VARIANT=san check-unit
part 'the screen under a pseudo-terminal' make_it -s check-screen
part 'real peers on loopback' make_it -s check-system
part 'fuzzers, a bounded run' make_it -s check-fuzz
part 'generated pages are those of the tables' sh tests/docs.sh

awk '/^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ { p += $1; f += $3; s += $5 } END { printf "%d %d %d\n", p, f, s }' "$out" >build/check.sum
read -r p f s <build/check.sum
[ -z "$failed_parts" ] || echo "failed:$failed_parts"
[ -z "$failed_parts" ] || [ "$f" != 0 ] || f=1
echo "$p passed, $f failed, $s skipped"
[ "$f" = 0 ] && [ "$p" -gt 0 ]
