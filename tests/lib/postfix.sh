#!/bin/sh
# Runs the unpacked Postfix in the foreground: own configuration, queue and log below DIR, loopback only, delivering to
# maildirs in DIR/mail. Needs root, because Postfix does; makes no account: Debian's `news` owns the queue and `voice`
# is the group of its commands (Postfix wants two that nobody else uses here).
#
# usage: tests/lib/postfix.sh DIR SMTP-PORT SUBMISSION-PORT
#
# DIR must hold cert.pem and key.pem. The port for submission offers STARTTLS and AUTH (alice, password "secret") and
# demands both; the other one offers STARTTLS and takes mail for alice, bob and carol at postfix.test.
set -eu
dir=$1 smtp=$2 submission=$3
cd "$(dirname "$0")/../.."
root=$(pwd)/build/peers/root
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
libs=$(find "$root" -type d \( -path '*/lib/*-linux-gnu' -o -path '*/usr/lib/postfix' \) | tr '\n' ':')
plugins=$(find "$root/usr/lib" -type d -path '*-linux-gnu/sasl2' | head -n 1)
export LD_LIBRARY_PATH="$libs"
export SASL_PATH="$plugins"

mkdir -p "$dir/etc/sasl" "$dir/data" "$dir/mail" "$dir/queue/pid" "$dir/sasl"
for q in active bounce corrupt defer deferred flush hold incoming private saved trace; do
    mkdir -p -m 700 "$dir/queue/$q"
    chown news "$dir/queue/$q"
done
mkdir -p "$dir/queue/public" "$dir/queue/maildrop"
chown news:voice "$dir/queue/public" "$dir/queue/maildrop"
chmod 710 "$dir/queue/public"
chmod 730 "$dir/queue/maildrop"
chown news "$dir/data" "$dir/mail"
: >"$dir/maillog"

cat >"$dir/etc/sasl/smtpd.conf" <<END
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: $dir/sasl/sasldb2
mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256
log_level: 4
END
printf secret | "$root/usr/sbin/saslpasswd2" -p -c -f "$dir/sasl/sasldb2" -u mail.postfix.test alice
chown -R news "$dir/sasl"

cat >"$dir/etc/main.cf" <<END
compatibility_level = 3.6
mail_owner = news
setgid_group = voice
default_privs = nobody
queue_directory = $dir/queue
data_directory = $dir/data
daemon_directory = $root/usr/lib/postfix/sbin
command_directory = $root/usr/sbin
shlib_directory = $root/usr/lib/postfix
meta_directory = $dir/etc
sendmail_path = $root/usr/sbin/sendmail
maillog_file = $dir/maillog
maillog_file_prefixes = $dir
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG LD_LIBRARY_PATH SASL_PATH PATH
export_environment = LD_LIBRARY_PATH SASL_PATH PATH
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mail.postfix.test
mydomain = postfix.test
mydestination =
mynetworks = 192.0.2.0/24
local_header_rewrite_clients =
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = postfix.test
virtual_mailbox_base = $dir/mail
virtual_mailbox_maps = inline:{ {alice@postfix.test = alice/}, {bob@postfix.test = bob/}, {carol@postfix.test = carol/} }
virtual_minimum_uid = 1
virtual_uid_maps = static:$(id -u news)
virtual_gid_maps = static:$(id -g news)
virtual_transport = virtual
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_cert_file = $dir/cert.pem
smtpd_tls_key_file = $dir/key.pem
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = $dir/etc/sasl
smtpd_sasl_local_domain = mail.postfix.test
smtpd_client_connection_rate_limit = 0
message_size_limit = 10485760
END

cat >"$dir/etc/master.cf" <<END
127.0.0.1:$smtp inet n - n - - smtpd
  -o smtpd_authorized_xclient_hosts=127.0.0.1
  -o smtpd_recipient_limit=2
127.0.0.1:$submission inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_tls_security_level=encrypt
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
END
exec "$root/usr/lib/postfix/sbin/master" -s -c "$dir/etc"
