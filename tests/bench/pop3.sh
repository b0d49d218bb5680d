# Part of bench.sh: every message of a Maildir by POP3, beside Dovecot on the same Maildir, both over TCP.
pop3_messages=1000
pop3get=$work/pop3get
${CC:-cc} -O2 -D_GNU_SOURCE -o "$pop3get" tests/bench/pop3get.c || exit 1
start_serve --pop3 0 --maildir "$work/md"
our_pid=$pid our_port=$(sed -n 's/^pop3 .*://p' "$work/serve.log")
$with "$source" -s 5 -m $pop3_messages -l 4000 -t bob@example.test "127.0.0.1:$port"
if dovecot_start "$work/md"; then
    "$measure" "$BENCH_RUNS" smtpscope "$pop3get $our_port bob secret" dovecot "$pop3get $dovecot_pop3 bob secret" >"$work/m"
    compare "POP3 download, $pop3_messages messages of 4 KB" dovecot 1.0 "<= 1.00"
    stop "$pid"
fi
stop "$our_pid"
