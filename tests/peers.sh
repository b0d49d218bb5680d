#!/bin/sh
# Real mail programs for the system tests and the measurements, unpacked under build/peers from the distribution's
# packages. Nothing is installed: no daemon starts, no account is made, nothing outside build/ changes. Needs apt-get
# and dpkg-deb; works as root and as an ordinary user. Quick when there is nothing left to do.
#
# usage: tests/peers.sh          status 0 also where some peer is not to be had: its tests are skipped and name it
#
# build/peers/root   the unpacked packages, as below /
# build/peers/deb    their archives
# build/peers/.done  stamp: the packages wanted when it was made
set -u
cd "$(dirname "$0")/.."
here=$(pwd)
peers=$here/build/peers
stamp=$peers/.done

# What the tests start, and what it loads at run time without a dependency that says so. A program that the system
# has is used as it is (see programs below).
wanted='postfix sasl2-bin libsasl2-modules libsasl2-modules-db swaks libnet-ssleay-perl libauthen-sasl-perl
libdigest-hmac-perl msmtp gsasl tshark wireshark-common asciinema
fetchmail mpop dovecot-pop3d'
for program in curl python3 perl tmux; do
    command -v $program >/dev/null 2>&1 || wanted="$wanted $program"
done
wanted="$wanted isync neomutt offlineimap3 dovecot-imapd dovecot-core" # IMAP
wanted="$wanted python3-dkim python3-nacl python3-cffi-backend" # DKIM verified; of the system's own python3
wanted="$wanted krb5-kdc krb5-admin-server krb5-user dovecot-gssapi" # Kerberos
wanted="$wanted cyrus-imapd cyrus-pop3d cyrus-common"
wanted=$(echo $wanted)

# Servers for tests/lib/server.sh.
wanted="$wanted exim4-daemon-heavy opensmtpd dovecot-core dovecot-submissiond dovecot-lmtpd"

[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0
for tool in apt-get apt-cache dpkg-deb dpkg-query; do
    command -v $tool >/dev/null 2>&1 || {
        echo "peers: no $tool here, so real peers are not to be had; their tests will be skipped"
        exit 0
    }
done
mkdir -p "$peers/deb" "$peers/root" "$peers/apt/lists/partial" "$peers/apt/cache/archives/partial"

# apt with the system's own lists first; with lists and cache of ours where those are old, empty or not readable.
apt_private=
apt() { # apt-get|apt-cache ARGUMENT...
    tool=$1
    shift
    # shellcheck disable=SC2086  # the options are words
    $tool -q -o Debug::NoLocking=1 -o APT::Sandbox::User= $apt_private "$@"
}
use_private_lists() {
    [ -z "$apt_private" ] || return 1
    apt_private="-o Dir::State::lists=$peers/apt/lists -o Dir::State::status=/var/lib/dpkg/status
        -o Dir::Cache=$peers/apt/cache"
    echo "peers: fetching package lists into build/peers"
    apt apt-get update >"$peers/apt.log" 2>&1
}

# Libraries (and interpreters' parts) that the packages need and the system does not have, packages included. Asked of
# apt-cache a generation at a time: each call of it costs as much as all.
closure() { # PACKAGE...
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' >"$peers/installed"
    : >"$peers/closure"
    generation=$(printf '%s\n' "$@" | sort -u)
    while [ -n "$generation" ]; do
        echo "$generation" >>"$peers/closure"
        # shellcheck disable=SC2086  # the list is words
        generation=$(apt apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks \
            --no-replaces --no-enhances $generation 2>/dev/null |
            sed -n 's/^ *|\{0,1\}\(Pre\)\{0,1\}Depends: \([^<:]*\)\(:any\)\{0,1\}$/\2/p' |
            grep -E '^(lib|perl|python3)' | sort -u | grep -vxF -f "$peers/installed" | grep -vxF -f "$peers/closure")
    done
    cat "$peers/closure"
}

fetch() { # PACKAGE...: those that are not there yet, into deb/
    missing=
    for package in "$@"; do
        ls "$peers/deb/${package}"_*.deb >/dev/null 2>&1 || missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    # shellcheck disable=SC2086  # the list is words
    (cd "$peers/deb" && apt apt-get download $missing) >"$peers/apt.log" 2>&1
}

unpack() {
    for archive in "$peers"/deb/*.deb; do
        [ -f "$archive.unpacked" ] && continue
        dpkg-deb -x "$archive" "$peers/root" && : >"$archive.unpacked" || return 1
    done
}

all=$(closure $wanted)
# shellcheck disable=SC2086
if ! fetch $all; then
    use_private_lists
    all=$(closure $wanted)
    if ! fetch $all; then
        # One at a time, so that one name this distribution does not know costs only itself.
        for package in $all; do
            fetch "$package" || echo "peers: $package is not to be had: $(tail -n 1 "$peers/apt.log")"
        done
    fi
fi
unpack || exit 1

# What programs of the unpacked packages still miss.
libraries=$(find "$peers/root" -type d \( -path '*/usr/lib/*-linux-gnu' -o -path '*/lib/*-linux-gnu' \
    -o -path '*/usr/lib/postfix' \) | tr '\n' ':')
lost=$(for program in "$peers"/root/usr/sbin/smtp-sink "$peers"/root/usr/lib/postfix/sbin/smtpd \
    "$peers"/root/usr/sbin/saslpasswd2 "$peers"/root/usr/bin/msmtp; do
    [ -x "$program" ] || { echo "$program"; continue; }
    LD_LIBRARY_PATH=$libraries ldd "$program" 2>/dev/null | sed -n "s|^[[:space:]]*\(.*\) => not found|\1 of $program|p"
done)
if [ -n "$lost" ]; then
    echo "peers: missing after unpacking, their tests will be skipped:"
    echo "$lost" | sed 's/^/    /'
    exit 0
fi
echo "$wanted" >"$stamp"
echo "peers: unpacked under build/peers: $(echo $all)"
