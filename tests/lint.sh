#!/bin/sh
# The house rules that a compiler does not know. Prints each breach as FILE:LINE: RULE, status 1 where there is one.
set -u
cd "$(dirname "$0")/.."
found=0
say() {
    [ -n "$1" ] || return 0
    printf '%s\n' "$1" | sed "s|\$|   [$2]|"
    found=1
}

# 1. Floors: a module includes only from strictly lower ones, or from itself.
floors='base=0 journal=1 loop=1 smtp=1 pop3=1 imap=1 museum=1 scenario=1 net=2 dns=2 sasl=2 store=2 mail=2 engine=3 auth=3 decode=3 recording=3 client=4 mock=4 report=4 console=6 ui=7 cli=8'
say "$(grep -nE '^#include "[a-z]+/' $(git ls-files -co --exclude-standard 'src/*.[ch]' 'ui/*.[ch]' 'include/*.h' 'include/*.def') |
    awk -v floors="$floors" '
    BEGIN { n = split(floors, f, " "); for (i = 1; i <= n; i++) { split(f[i], kv, "="); floor[kv[1]] = kv[2] } }
    {
        split($0, part, ":"); file = part[1]
        split(file, dir, "/"); me = dir[1] == "ui" ? "ui" : dir[2]
        match($0, /"[a-z]+\//); them = substr($0, RSTART + 1, RLENGTH - 2)
        if (!(them in floor) || !(me in floor)) { print file ":" part[2] ": unknown module " me " or " them; next }
        if (me != them && floor[them] >= floor[me]) print file ":" part[2] ": " me " (floor " floor[me] ") includes " them " (floor " floor[them] ")"
    }')" "floors"

# 2. Library headers stay in the rooms that own them.
library() { # PATTERN ALLOWED-PATH-REGEX
    say "$(grep -nE "^#include <$1" $(git ls-files -co --exclude-standard 'src/*.[ch]' 'ui/*.[ch]' 'include/*.h') /dev/null | grep -vE "^($2)")" "library header"
}
library 'uv\.h' 'src/(loop|net)/'
library 'openssl/' 'src/(net|sasl|decode|auth)/'
library 'unbound\.h' 'src/dns/'
library 'idn2\.h' 'src/dns/'
library 'gsasl\.h' 'src/sasl/'
library '(gmime/|glib)' 'src/mail/'
library 'jansson\.h' 'src/(recording|console|cli)/'
library '(ncurses|curses|term\.h|readline/)' 'ui/'

# 3. Functions the style rules out; time, chance and environment come in from the top floors.
sources=$(git ls-files -co --exclude-standard 'src/*.c' 'ui/*.c')
say "$(grep -nE '\b(strcpy|strcat|sprintf|strtok|gets|strncpy|alloca|atoi|longjmp|setjmp)\(' $sources)" "banned function"
say "$(grep -nE '(^|[^a-z_>.])(malloc|calloc|realloc|free|strdup|strndup|asprintf|vasprintf)\(' $sources | grep -vE '^src/base/mem\.c|/\* library memory')" "memory outside base/mem"
say "$(grep -nE '(^|[^a-z_>.])(time\(NULL|time\(0|rand\(|random\(|getenv\(|gettimeofday\(|clock_gettime\()' $sources | grep -vE '^(src/cli/|ui/|src/base/clock\.c)')" "time, chance, environment"

# 4. Only ui/draw.c writes text to curses.
say "$(grep -nE '\b(w?addn?str|w?addch|w?printw|mvw?add[a-z_]*|mvw?printw|w?addn?wstr|add_wch|wadd_wch)\(' ui/*.c 2>/dev/null | grep -v '^ui/draw\.c')" "drawing outside ui/draw.c"

# 5. Size: no function above 100 lines, no file above 800.
say "$(for f in $sources; do
    awk -v f="$f" '
        /^(enum|struct|union|static const struct|typedef)[^(]*\{/ || /= *\{$/ { skip = 1 }
        /^[a-zA-Z_].*\(/ { head = $0; start = NR }
        /^\{/ { open = NR; if (start) open = start }
        /^\}/ { if (!skip && open && NR - open > 100) print f ":" open ": " NR - open " lines: " head; skip = 0; open = 0; start = 0 }' "$f"
done)" "function above 100 lines"
say "$(wc -l $sources | awk '$2 != "total" && $1 > 800 { print $2 ":1: " $1 " lines" }')" "file above 800 lines"

# 6. RFCs named in the code have a row in doc/rfc.md.
if [ -f doc/rfc.md ]; then
    say "$(grep -noE 'RFC [0-9]+' $(git ls-files -co --exclude-standard 'src/*.[ch]' 'ui/*.[ch]' 'include/*.h' 'include/*.def') | awk -F: '{ print $3 "\t" $1 ":" $2 }' | sort -u -k1,1 -t "$(printf '\t')" |
        while IFS="$(printf '\t')" read -r rfc where; do
            grep -qE "\| *${rfc}( |\|)" doc/rfc.md || echo "$where: $rfc"
        done)" "no row in doc/rfc.md"
fi

say "$(sed -n 's/^| RFC \([0-9]*\) .*/\1/p' doc/rfc.md | sort | uniq -d | sed 's|.*|doc/rfc.md:1: RFC & has two rows|')" "doc/rfc.md"

# 7. The top level holds what it may hold.
say "$(git ls-files -co --exclude-standard | cut -d/ -f1 | sort -u | grep -vE '^(src|ui|include|tests|doc|Makefile|README\.md|LICENSE|\..*)$' | sed 's|$|:1: at the top level|')" "top level"

# 8. Every header has a guard.
say "$(for f in $(git ls-files -co --exclude-standard '*.h'); do grep -q '^#ifndef' "$f" || echo "$f:1: no include guard"; done)" "header"

[ "$found" = 0 ] && echo "lint: nothing found"
exit $found
