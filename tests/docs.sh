#!/bin/sh
# The pages in doc/ that come from tables must be what the program writes today (make doc).
set -u
cd "$(dirname "$0")/.."
fresh=build/doc-fresh
rm -rf "$fresh" && mkdir -p "$fresh"
./build/smtpscope help --generate "$fresh" >/dev/null || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
sh tests/screens.sh >"$fresh/screens.md"
passed=0 failed=0
for page in "$fresh"/*; do
    name=$(basename "$page")
    if cmp -s "$page" "doc/$name"; then
        passed=$((passed + 1))
    else
        echo "FAIL  doc/$name is not what the tables say: run make doc"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
