# Part of bench.sh: FETCH on 10,000 messages in a Maildir, beside Dovecot's imap on a copy of it. Ours is asked over TCP,
# Dovecot's on pipes, logged in already. It does not run as root, so it runs as nobody there.
: "${BENCH_FETCH:=10000}"
dovecot=$root/usr/lib/dovecot/imap
if [ ! -x "$dovecot" ] || ! command -v python3 >/dev/null 2>&1; then
    echo "bench: no dovecot or python3: FETCH is not compared"
else
    box=$(mktemp -d /tmp/smtpscope-bench-XXXXXX) # where nobody may go, too
    chmod 755 "$box"
    start_serve --imap 0 --maildir "$box/ours"
    imap_port=$(sed -n 's/^imap .*://p' "$work/serve.log")
    python3 tests/bench/imap.py fill "$imap_port" "$BENCH_FETCH" 2
    mkdir -p "$box/theirs/Maildir"
    cp -r "$box/ours/alice/cur" "$box/ours/alice/new" "$box/ours/alice/tmp" "$box/theirs/Maildir/"
    uid=$(id -u) gid=$(id -g)
    [ "$uid" != 0 ] || { uid=65534 gid=65534; chown -R 65534:65534 "$box/theirs"; }
    theirs="env -i DOVECONF_ENV=1 HOME=$box/theirs USER=alice MAIL_LOCATION=maildir:$box/theirs/Maildir MAIL_UID=$uid
        MAIL_GID=$gid FIRST_VALID_UID=1 LAST_VALID_UID=0 BASE_DIR=$box/theirs/run
        LD_LIBRARY_PATH=$libs$(find "$root/usr/lib/dovecot" -type d | tr '\n' ':') $dovecot"
    for turn in first again; do
        for command in 'FETCH 1:* (UID BODY.PEEK[HEADER])' 'FETCH 1:* (UID FLAGS ENVELOPE)' 'FETCH 1:* BODYSTRUCTURE' \
            'FETCH 1:* (UID FLAGS)' 'FETCH 1:* BODY.PEEK[]'; do
            a=$(python3 tests/bench/imap.py tcp "$imap_port" "$command" | cut -d' ' -f1)
            # shellcheck disable=SC2086  # words
            b=$(python3 tests/bench/imap.py pipe "$command" -- $theirs | cut -d' ' -f1)
            r=$(ratio "${a:-0}" "${b:-0}" 1)
            row "$BENCH_FETCH messages, $turn: ${command#FETCH 1:\* }" "${a:-?} ms" "${b:-?} ms" "${r% *}" "<= 1.00 ${r#* }"
        done
    done
    stop "$pid"
    rm -rf "$box"
fi
