# Part of bench.sh: every message of a Maildir by POP3, beside Dovecot on the same Maildir, both over TCP. Dovecot wants
# its files below /usr: it gets them in a mount namespace of its own, which needs root; nothing outside it changes.

pop3_messages=1000
dovecot_pop3() { # MAILDIRS: sets $port and $pid; false: it does not run here
    port=$(free_port)
    mkdir -p "$work/dovecot"
    cat >"$work/dovecot/conf" <<END
protocols = pop3
base_dir = $work/dovecot/run
state_dir = $work/dovecot/state
log_path = $work/dovecot/log
ssl = no
disable_plaintext_auth = no
default_login_user = nobody
default_internal_user = daemon
default_internal_group = daemon
first_valid_uid = 0
listen = 127.0.0.1
mail_location = maildir:$1/%u
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=daemon gid=daemon home=$1/%u
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = $port
  }
  inet_listener pop3s {
    port = 0
  }
}
service anvil {
  chroot =
}
END
    # shellcheck disable=SC2016  # the inner shell's
    start "$work/dovecot/out" unshare -m sh -c \
        'mount -t overlay overlay -o "lowerdir=$0/usr:/usr" /usr && exec /usr/sbin/dovecot -F -c "$1"' \
        "$root" "$work/dovecot/conf"
    wait_port "$port"
}

if [ ! -x "$root/usr/sbin/dovecot" ] || [ ! -x "$root/usr/lib/dovecot/pop3" ]; then
    echo "bench: no dovecot-pop3d under build/peers: POP3 is not compared"
else
    pop3get=$work/pop3get
    ${CC:-cc} -O2 -D_GNU_SOURCE -o "$pop3get" tests/bench/pop3get.c || exit 1
    start_serve --pop3 0 --maildir "$work/md"
    our_pid=$pid our_port=$(sed -n 's/^pop3 .*://p' "$work/serve.log")
    $with "$source" -s 5 -m $pop3_messages -l 4000 -t bob@example.test "127.0.0.1:$port"
    chown -R daemon "$work/md" && chmod a+x "$work" "$work/md" # Dovecot serves nobody as root
    if dovecot_pop3 "$work/md"; then
        "$measure" "$BENCH_RUNS" smtpscope "$pop3get $our_port bob secret" dovecot "$pop3get $port bob secret" >"$work/m"
        compare "POP3 download, $pop3_messages messages of 4 KB" dovecot 1.0 "<= 1.00"
        stop "$pid"
    else
        echo "bench: dovecot does not run here (it wants root, and overlay mounts): POP3 is not compared"
        head -n 3 "$work/dovecot/out"
    fi
    stop "$our_pid"
fi
