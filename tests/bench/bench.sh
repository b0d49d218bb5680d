#!/bin/sh
# Measures smtpscope beside curl, swaks, smtp-sink and smtp-source in one run, and prints a table with the goals.
#
# usage: SMTPSCOPE=build/plain/smtpscope tests/bench/bench.sh
# BENCH_RUNS (10), BENCH_MESSAGES (5000), BENCH_IDLE (10000) make it shorter or longer.
set -u
cd "$(dirname "$0")/../.."
: "${SMTPSCOPE:=$(pwd)/build/plain/smtpscope}" "${BENCH_RUNS:=10}" "${BENCH_MESSAGES:=5000}" "${BENCH_IDLE:=10000}"
export SMTPSCOPE
root=$(pwd)/build/peers/root
work=$(pwd)/build/bench
rm -rf "$work" && mkdir -p "$work/rec"
measure=$work/measure hold=$work/hold
${CC:-cc} -O2 -D_GNU_SOURCE -o "$measure" tests/bench/measure.c && ${CC:-cc} -O2 -D_GNU_SOURCE -o "$hold" tests/bench/hold.c -lssl -lcrypto || exit 1

libs=$(find "$root" -type d \( -path '*/lib/*-linux-gnu' -o -path '*/usr/lib/postfix' \) 2>/dev/null | tr '\n' ':')
with="env LD_LIBRARY_PATH=$libs"
sink=$root/usr/sbin/smtp-sink source=$root/usr/sbin/smtp-source
curl=$(command -v curl || echo "$with $root/usr/bin/curl")
swaks="perl $root/usr/bin/swaks"
scope=$SMTPSCOPE
export HOME="$work"
[ -x "$sink" ] && [ -x "$source" ] || { echo "bench: no smtp-sink and smtp-source under build/peers (tests/peers.sh)"; exit 1; }

started=
start() { # FILE COMMAND...: in the background, output to FILE; its id in $pid
    out=$1
    shift
    : >"$out" # here, so that nobody reads the words of the one before
    "$@" >"$out" 2>&1 &
    pid=$!
    started="$started $pid"
}
stop() { # PID
    kill "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}
trap 'for p in $started; do kill "$p" 2>/dev/null; done' EXIT
free_port() {
    perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen=>1,LocalAddr=>"127.0.0.1")->sockport'
}
wait_port() {
    perl -MIO::Socket::INET -e 'for (1..500) { exit 0 if IO::Socket::INET->new("127.0.0.1:$ARGV[0]"); select undef,undef,undef,.02 } exit 1' "$1"
}
start_sink() { # OPTIONS...: sets $port and $pid
    port=$(free_port)
    as=
    [ "$(id -u)" != 0 ] || as='-u nobody'
    # shellcheck disable=SC2086  # two words or none
    start "$work/sink.log" env LD_LIBRARY_PATH="$libs" "$sink" $as "$@" "127.0.0.1:$port" 12000
    wait_port "$port"
}
start_serve() { # OPTIONS...: sets $port (smtp) and $pid
    start "$work/serve.log" "$scope" serve --quiet --smtp 0 --ca-out "$work/ca.pem" "$@"
    while ! grep -q '^ready' "$work/serve.log"; do kill -0 "$pid" || { cat "$work/serve.log"; exit 1; }; done
    port=$(sed -n 's/^smtp .*://p' "$work/serve.log") tls_port=$(sed -n 's/^submissions .*://p' "$work/serve.log")
}
row() { # WHAT OURS THEIRS GOAL VERDICT
    printf '%-56s %12s %12s %6s  %s\n' "$@"
}
# ratio A B LIMIT: "1.05 ok" when A/B <= LIMIT; "- FAILED" where one of them was not to be measured
ratio() {
    awk -v a="$1" -v b="$2" -v l="$3" 'BEGIN {
        if (a <= 0 || b <= 0) { printf "- FAILED"; exit }
        printf "%.2f %s", a / b, (a / b <= l) ? "ok" : "MISSED" }'
}
ms() {
    awk -v us="$1" 'BEGIN { printf "%.2f ms", us / 1000 }'
}
get() { # NAME FIELD of the last measurement
    awk -v n="$1" -v f="$2" '$1 == n { print $f }' "$work/m"
}
compare() { # TITLE OTHER LIMIT GOAL
    r=$(ratio "$(get smtpscope 2)" "$(get "$2" 2)" "$3")
    [ "$(get smtpscope 5)$(get "$2" 5)" = 00 ] || r="- FAILED"
    row "$1 ($2)" "$(ms "$(get smtpscope 2)")" "$(ms "$(get "$2" 2)")" "${r% *}" "$4 ${r#* }"
    for n in smtpscope "$2"; do [ "$(get "$n" 5)" = 0 ] || echo "    $n failed $(get "$n" 5) times"; done
}
fresh=$work/fresh.sh # a recording of its own for each run
printf '#!/bin/sh\nf=%s/rec/$$; exec "$SMTPSCOPE" send --quiet --record "$f" "$@"\n' "$work" >"$fresh"

echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) processors, $(awk '/MemTotal/ { printf "%.1f GB", $2 / 1048576 }' /proc/meminfo), $(uname -sr)"
echo "versions: $("$scope" --version); $($curl --version | cut -d' ' -f1,2 | head -n 1); $($swaks --version | head -n 1); postfix $(dpkg-deb -f build/peers/deb/postfix_*.deb Version); $(openssl version | cut -d' ' -f1,2)"
echo "median of $BENCH_RUNS runs each, one after another in turn; servers on loopback"
row "" "smtpscope" "other" "ratio" "goal"

"$measure" $((BENCH_RUNS * 3)) smtpscope "$scope --version" curl "$curl --version" swaks "$swaks --version" >"$work/m"
compare "start, --version" curl 1.2 "<= 1.20"
compare "start, --version" swaks 1.0 ""

# one session of 1 KB, with recording
{ printf 'From: ann@example.net\r\nTo: bob@example.test\r\nSubject: bench\r\n\r\n'; awk 'BEGIN { for (i = 0; i < 15; i++) printf "%062d\r\n", i }'; } >"$work/1k"
start_sink
sinkpid=$pid
"$measure" $((BENCH_RUNS * 3)) smtpscope "sh $fresh --tls none --from ann@example.net --to bob@example.test 127.0.0.1:$port $work/1k" \
    curl "sh -c 'exec $curl -sS --mail-from ann@example.net --mail-rcpt bob@example.test -T $work/1k smtp://127.0.0.1:$port'" \
    swaks "sh -c 'exec $swaks --server 127.0.0.1:$port --from ann@example.net --to bob@example.test --data @$work/1k'" >"$work/m"
compare "1 KB session, recorded" curl 1.1 "<= 1.10"
compare "1 KB session, recorded" swaks 1.0 ""
rm -rf "$work/rec" && mkdir "$work/rec"

# 50 MB, plain: server smtp-sink
{ printf 'From: ann@example.net\r\nSubject: bench\r\n\r\n'; awk 'BEGIN { for (i = 0; i < 655360; i++) printf "%078d\r\n", i }'; } >"$work/50m"
big() { # TITLE
    compare "$1" curl 1.2 "<= 1.20"
    rss=$(get smtpscope 4)
    row "  peak resident" "$rss KB" "$(get curl 4) KB" "" "< 24576 KB $([ "$rss" -lt 24576 ] && echo ok || echo MISSED)"
    rm -rf "$work/rec" && mkdir "$work/rec"
}
"$measure" "$BENCH_RUNS" smtpscope "sh $fresh --tls none --from ann@example.net --to bob@example.test 127.0.0.1:$port $work/50m" \
    curl "$curl -sS --mail-from ann@example.net --mail-rcpt bob@example.test -T $work/50m smtp://127.0.0.1:$port" >"$work/m"
big "50 MB plain to smtp-sink, recorded"
stop "$sinkpid"

# 50 MB in TLS: server `smtpscope serve --keep-nothing`, for both
start_serve --keep-nothing
head -c 50000000 "$work/50m" >"$work/50t" # below its SIZE with what is around it
"$measure" "$BENCH_RUNS" smtpscope "sh $fresh --ca $work/ca.pem --tls must --from ann@example.net --to alice@example.test localhost:$port $work/50t" \
    curl "$curl -sS --cacert $work/ca.pem --mail-from ann@example.net --ssl-reqd --mail-rcpt alice@example.test -T $work/50t smtp://localhost:$port" >"$work/m"
big "50 MB in TLS to smtpscope serve, recorded"
stop "$pid"

# setting TLS up and logging in: one 1 KB message by submission, with recording; both check the certificate
start "$work/serve.log" "$scope" serve --quiet --keep-nothing --submission 0 --submissions 0 --ca-out "$work/ca.pem"
while ! grep -q '^ready' "$work/serve.log"; do kill -0 "$pid" || { cat "$work/serve.log"; exit 1; }; done
starttls=$(sed -n 's/^submission .*://p' "$work/serve.log") implicit=$(sed -n 's/^submissions .*://p' "$work/serve.log")
printf 'machine localhost login alice password secret\n' >"$work/.netrc" && chmod 600 "$work/.netrc"
login() { # TITLE URL PORT OURS THEIRS
    "$measure" $((BENCH_RUNS * 3)) \
        smtpscope "sh $fresh --ca $work/ca.pem --user alice --from ann@example.net --to alice@example.test $4 $2://localhost:$3 $work/1k" \
        curl "sh -c 'exec $curl -sS -n --cacert $work/ca.pem --mail-from ann@example.net --mail-rcpt alice@example.test -T $work/1k $5://localhost:$3'" >"$work/m"
    compare "$1" curl 1.1 "<= 1.10"
    rm -rf "$work/rec" && mkdir "$work/rec"
}
login "STARTTLS, AUTH PLAIN, 1 KB, recorded" submission "$starttls" "--tls must --auth PLAIN" "--ssl-reqd --login-options AUTH=PLAIN smtp"
login "STARTTLS, AUTH CRAM-MD5, 1 KB, recorded" submission "$starttls" "--tls must --auth CRAM-MD5" "--ssl-reqd --login-options AUTH=CRAM-MD5 smtp"
login "TLS at once, AUTH PLAIN, 1 KB, recorded" submissions "$implicit" "--auth PLAIN" "--login-options AUTH=PLAIN smtps"
stop "$pid"

# the practice server (storing) and smtp-sink under smtp-source: messages a second, CPU a message
cpu_us() { # PID
    awk -v hz="$(getconf CLK_TCK)" '{ printf "%d", ($14 + $15) * 1000000 / hz }' "/proc/$1/stat"
}
throughput() { # OCTETS
    start_serve
    our_pid=$pid our_port=$port
    start_sink
    our_before=$(cpu_us "$our_pid") their_before=$(cpu_us "$pid")
    load="$with $source -s 20 -m $BENCH_MESSAGES -l $1 -t alice@example.test"
    "$measure" "$BENCH_RUNS" smtpscope "$load 127.0.0.1:$our_port" smtp-sink "$load 127.0.0.1:$port" >"$work/m"
    our_after=$(cpu_us "$our_pid") their_after=$(cpu_us "$pid")
    stop "$our_pid"
    stop "$pid"
    rate() {
        awk -v n="$BENCH_MESSAGES" -v w="$1" 'BEGIN { printf "%d", n * 1000000 / w }'
    }
    each() { # measure runs each once more, to warm up
        awk -v d="$1" -v n="$BENCH_MESSAGES" -v r="$BENCH_RUNS" 'BEGIN { printf "%.1f us", d / n / (r + 1) }'
    }
    ours=$(rate "$(get smtpscope 2)") theirs=$(rate "$(get smtp-sink 2)")
    r=$(awk -v a="$ours" -v b="$theirs" 'BEGIN { r = a / b; printf "%.2f %s", r, (r >= 1) ? "ok" : "MISSED" }')
    [ "$(get smtpscope 5)$(get smtp-sink 5)" = 00 ] || r="- FAILED"
    row "smtp-source -s 20 -m $BENCH_MESSAGES -l $1 (smtp-sink)" "$ours msg/s" "$theirs msg/s" "${r% *}" ">= 1.00 ${r#* }"
    r=$(awk -v a=$((our_after - our_before)) -v b=$((their_after - their_before)) 'BEGIN { r = b ? a / b : 0; printf "%.2f %s", r, (r <= 0.75) ? "ok" : "MISSED" }')
    row "  CPU a message" "$(each $((our_after - our_before)))" "$(each $((their_after - their_before)))" "${r% *}" "<= 0.75 ${r#* }"
}
throughput 1000
throughput 51200

# what a recording costs the practice server
start_serve
plain_pid=$pid plain_port=$port
start_serve --record "$work/rec/serve"
load="$with $source -s 20 -m $BENCH_MESSAGES -l 1000 -t alice@example.test"
"$measure" "$BENCH_RUNS" recorded "$load 127.0.0.1:$port" plain "$load 127.0.0.1:$plain_port" >"$work/m"
stop "$pid"
stop "$plain_pid"
rm -rf "$work/rec" && mkdir "$work/rec"
r=$(ratio "$(get recorded 2)" "$(get plain 2)" 1.15)
row "the same, recorded (not recorded)" "$(ms "$(get recorded 2)")" "$(ms "$(get plain 2)")" "${r% *}" "<= 1.15 ${r#* }"

# IMAP beside Dovecot
. tests/bench/imap.sh

# idle connections, held
rss_kb() {
    awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
}
ulimit -n "$(ulimit -Hn)"
idle() { # SIDE [tls]: the first 500 fill the journal to its limits and are not counted
    # shellcheck disable=SC2086  # two words or none
    if [ "$1" = smtpscope ]; then start_serve ${2:+--submissions 0}; else start_sink -m 12000; fi
    server=$pid at=$port
    [ -z "${2:-}" ] || at=$tls_port
    for round in warm held; do
        count=$BENCH_IDLE
        [ $round = held ] || count=500
        before=$(rss_kb "$server")
        # shellcheck disable=SC2086  # a word or none
        start "$work/$round.$1" "$hold" "$at" "$count" ${2:-}
        holder="${holder:-} $pid"
        for _ in $(seq 1200); do
            grep -q '^held' "$work/$round.$1" && break
            sleep 0.05
        done
    done
    held=$(sed -n 's/^held //p' "$work/held.$1")
    after=$(rss_kb "$server")
    for p in $holder; do stop "$p"; done
    holder=
    stop "$server"
    each=$(awk -v a="$after" -v b="$before" -v n="${held:-0}" 'BEGIN { printf "%d", n ? (a - b) * 1024 / n : 0 }')
}
idle smtpscope
ours=$each our_held=${held:-0}
idle smtp-sink
row "idle connections, $BENCH_IDLE (smtp-sink)" "$our_held held" "${held:-0} held" "" "$([ "$our_held" = "$BENCH_IDLE" ] && echo ok || echo MISSED)"
row "  resident memory each" "$ours octets" "$each octets" "" "<= 2048 $([ "$ours" -le 2048 ] && [ "$our_held" = "$BENCH_IDLE" ] && echo ok || echo MISSED)"
BENCH_IDLE=$((BENCH_IDLE / 5))
idle smtpscope tls
row "idle connections in TLS, $BENCH_IDLE" "${held:-0} held" "" "" "$([ "${held:-0}" = "$BENCH_IDLE" ] && echo ok || echo MISSED)"
row "  resident memory each" "$each octets" "" "" "<= 18432 $([ "$each" -le 18432 ] && [ "${held:-0}" = "$BENCH_IDLE" ] && echo ok || echo MISSED)"

# the screen: budgets with their goals, and a million lines beside a pager
echo "the screen:"
SCREEN_MILLION=1 "$(dirname "$SMTPSCOPE")/tests/screen/test_budget" 2>&1 | grep -v '^\['

# POP3 beside Dovecot; reading mail beside curl
. tests/bench/dovecot.sh
. tests/bench/pop3.sh
. tests/bench/client.sh

# a recording of a million lines: one session over and over, each with numbers of its own
"$scope" send --quiet --tls none --record "$work/one.jsonl" --from ann@example.net --to bob@example.test practice
grep -v '"backstage":true' "$work/one.jsonl" | awk -v wanted="${BENCH_LINES:-1000000}" '
    # Not sub(): mawk keeps every replacement text it has seen, and looks through them all each time.
    function number(line, key) { return match(line, "\"" key "\":[0-9]+") ? substr(line, RSTART + length(key) + 3, RLENGTH - length(key) - 3) : 0 }
    function set(line, key, value) {
        return match(line, "\"" key "\":[0-9]+") ? substr(line, 1, RSTART - 1) "\"" key "\":" value substr(line, RSTART + RLENGTH) : line
    }
    NR == 1 { print; next }
    { lines[n++] = $0 }
    END {
        seq = 1
        for (session = 1; seq < wanted; session++) {
            for (i = 0; i < n && seq < wanted; i++) {
                line = lines[i]; renumbered[number(line, "seq")] = ++seq
                cause = number(line, "cause")
                line = set(set(line, "seq", seq), "conn", session)
                print cause ? set(line, "cause", renumbered[cause]) : line
            }
        }
    }' >"$work/million.jsonl"
search() { # TITLE EXPRESSION PATTERN
    "$measure" "$BENCH_RUNS" smtpscope "sh -c '\"$scope\" find \"$2\" \"$work/million.jsonl\"; test \$? -lt 2'" \
        grep "sh -c 'grep -c \"$3\" \"$work/million.jsonl\"; test \$? -lt 2'" >"$work/m"
    compare "$1" grep 1.5 "<= 1.50"
    row "  peak resident" "$(get smtpscope 4) KB" "$(get grep 4) KB" "" ""
}
search "find a code in $(wc -l <"$work/million.jsonl") lines (grep -c)" "code>=500" '"code":5'
search "find a word in them (grep -c)" "text~quota" quota
