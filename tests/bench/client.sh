# Part of bench.sh: our client reading mail, with a recording, beside curl: the headers of 10,000 messages by IMAP and
# 1,000 whole messages by POP3, one command a message as curl does it, from the practice server and from Dovecot.
: "${BENCH_FETCH:=10000}"
client_messages=1000 client_runs=$((BENCH_RUNS < 5 ? BENCH_RUNS : 5)) # curl alone takes seconds

# What is read: alice has many messages, bob has few and larger ones. Written as Maildirs, for each server its own.
for name in ours theirs; do
    perl -e '
        my ($dir, %boxes) = @ARGV;
        mkdir $dir;
        for my $user (keys %boxes) {
            mkdir "$dir/$user"; mkdir "$dir/$user/$_" for qw(cur new tmp);
            for my $i (1 .. $boxes{$user}) {
                open my $out, ">", sprintf("%s/%s/new/17000%05d.M%dP1.bench", $dir, $user, $i, $i) or die;
                print $out "Received: from a.example by b.example with ESMTPS id $i; Mon, 2 Feb 2026 10:00:00 +0100\r\n",
                    "From: Ann Example <ann\@a.example>\r\nTo: <$user\@example.test>\r\nSubject: message $i\r\n",
                    "Message-ID: <$i\@a.example>\r\nDate: Mon, 2 Feb 2026 10:00:00 +0100\r\n\r\n",
                    "The quick brown fox jumps over the lazy dog, again and again.\r\n" x ($user eq "bob" ? 62 : 16);
            }
        }' "$work/$name" alice "$BENCH_FETCH" bob "$client_messages"
done
{
    printf 'LOGIN alice secret\nSELECT INBOX\n'
    seq -f 'FETCH %.0f BODY.PEEK[HEADER]' 1 "$BENCH_FETCH"
    echo LOGOUT
} >"$work/imap.script"
{
    printf 'USER bob\nPASS secret\n'
    seq -f 'RETR %.0f' 1 $client_messages
    echo QUIT
} >"$work/pop3.script"
reading=$work/reading.sh # a recording of its own for each run; the session is to come to its end
cat >"$reading" <<'END'
#!/bin/sh
# usage: reading.sh DIRECTORY SCRIPT URL
f=$1/$$
"$SMTPSCOPE" run --quiet --tls none --record "$f" "$2" "$3" && tail -n 1 "$f" | grep -q '"to":"closed"'
END

read_mail() { # SERVER IMAP-PORT POP3-PORT
    "$measure" "$client_runs" smtpscope "sh $reading $work/rec $work/imap.script imap://127.0.0.1:$2 >/dev/null" \
        curl "$curl -sS -u alice:secret -o $work/headers 'imap://127.0.0.1:$2/INBOX;MAILINDEX=[1-$BENCH_FETCH];SECTION=HEADER'" >"$work/m"
    compare "IMAP, $BENCH_FETCH headers from $1, recorded" curl 1.2 "<= 1.20"
    rm -rf "$work/rec" && mkdir "$work/rec"
    "$measure" "$client_runs" smtpscope "sh $reading $work/rec $work/pop3.script pop3://127.0.0.1:$3 >/dev/null" \
        curl "$curl -sS -u bob:secret -o $work/mails 'pop3://127.0.0.1:$3/[1-$client_messages]'" >"$work/m"
    compare "POP3, $client_messages messages from $1, recorded" curl 1.2 "<= 1.20"
    rm -rf "$work/rec" && mkdir "$work/rec"
}
start_serve --imap 0 --pop3 0 --maildir "$work/ours"
read_mail "smtpscope serve" "$(sed -n 's/^imap .*://p' "$work/serve.log")" "$(sed -n 's/^pop3 .*://p' "$work/serve.log")"
stop "$pid"
if dovecot_start "$work/theirs"; then
    read_mail Dovecot "$dovecot_imap" "$dovecot_pop3"
    stop "$pid"
fi
rm -rf "$work/ours" "$work/theirs"
