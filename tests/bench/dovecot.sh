# Part of bench.sh: Dovecot with POP3 and IMAP on a Maildir. It wants its files below /usr: it gets them in a mount
# namespace of its own, which needs root; nothing outside it changes.

dovecot_start() { # MAILDIRS, one for each user: sets $pid, $dovecot_pop3 and $dovecot_imap; false: it does not run here
    [ -x "$root/usr/sbin/dovecot" ] && [ -x "$root/usr/lib/dovecot/pop3" ] && [ -x "$root/usr/lib/dovecot/imap" ] || {
        echo "bench: no dovecot-pop3d and dovecot-imapd under build/peers"
        return 1
    }
    dovecot_pop3=$(free_port) dovecot_imap=$(free_port)
    rm -rf "$work/dovecot" && mkdir -p "$work/dovecot"
    cat >"$work/dovecot/conf" <<END
protocols = pop3 imap
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
    port = $dovecot_pop3
  }
  inet_listener pop3s {
    port = 0
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    port = $dovecot_imap
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
END
    chown -R daemon "$1" && chmod a+x "$work" "$1" # it serves nobody as root
    # shellcheck disable=SC2016  # the inner shell's
    start "$work/dovecot/out" unshare -m sh -c \
        'mount -t overlay overlay -o "lowerdir=$0/usr:/usr" /usr && exec /usr/sbin/dovecot -F -c "$1"' \
        "$root" "$work/dovecot/conf"
    wait_port "$dovecot_pop3" && wait_port "$dovecot_imap" && return 0
    echo "bench: dovecot does not run here (it wants root, and overlay mounts):"
    head -n 3 "$work/dovecot/out"
    return 1
}
