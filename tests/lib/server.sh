#!/bin/sh
# Runs a mail server that tests/peers.sh unpacked, in the foreground, on loopback ports above 1023, with its
# configuration and all it writes below DIR. It sees the unpacked packages over /usr, and accounts of its own, in a mount
# namespace: nothing outside the process and DIR changes. Needs root.
#
# usage: unshare -m sh tests/lib/server.sh SERVER DIR PORT PORT2 PORT3
#
# DIR must hold cert.pem and key.pem. Everybody logs in as alice, password "secret".
#   exim       PORT SMTP with STARTTLS, PORT2 TLS from the first octet, PORT3 wants a PROXY header; domain exim.test
#   opensmtpd  PORT SMTP with STARTTLS; domain os.test, recipient nobody
#   dovecot    PORT submission (relays to 127.0.0.1:PORT3), PORT2 LMTP
#   dovecot_reading  PORT IMAP, PORT2 POP3, PORT3 submission (for logging in only): with every mechanism it has, all with
#              STARTTLS. DIR/client-ca.pem: who signs certificates for EXTERNAL (its CN is the user). DIR/keytab, where
#              it is there: GSSAPI, with DIR/krb5.conf. A bearer token is a JWT signed with HS256 by "practice-key".
#   cyrus      PORT IMAP, PORT2 POP3, both with STARTTLS; every mechanism of its SASL library that knows a password
# Status 77: namespaces or overlays are not to be had here.
set -u
what=$1 dir=$2 port=$3 port2=$4 port3=$5
cd "$(dirname "$0")/../.."
root=$(pwd)/build/peers/root
mkdir -p "$dir/mail" "$dir/spool" "$dir/run" "$dir/state"
dir=$(cd "$dir" && pwd)

cp /etc/passwd "$dir/passwd"
cp /etc/group "$dir/group"
id=9101
for name in Debian-exim opensmtpd opensmtpq dovecot dovenull cyrus; do
    echo "$name:x:$id:$id::/nonexistent:/usr/sbin/nologin" >>"$dir/passwd"
    echo "$name:x:$id:" >>"$dir/group"
    id=$((id + 1))
done
mount --make-rprivate / || exit 77
mount --bind "$dir/passwd" /etc/passwd && mount --bind "$dir/group" /etc/group || exit 77
mount -t overlay overlay -o "lowerdir=$root/usr:/usr" /usr || exit 77
LD_LIBRARY_PATH=/usr/lib/dovecot:$(find "$root/lib" -type d -name '*-linux-gnu' 2>/dev/null | tr '\n' ':')
export LD_LIBRARY_PATH

exim() {
    chown -R Debian-exim "$dir/spool" "$dir/mail"
    cp "$dir/key.pem" "$dir/exim.key"
    chown Debian-exim "$dir/exim.key"
    cat >"$dir/exim.conf" <<END
primary_hostname = exim.test
spool_directory = $dir/spool
log_file_path = $dir/spool/log-%s
daemon_smtp_ports = $port : $port2 : $port3
local_interfaces = 127.0.0.1
tls_on_connect_ports = $port2
hosts_proxy = \${if eq{\$received_port}{$port3}{127.0.0.1}{}}
tls_advertise_hosts = *
tls_resumption_hosts = *
tls_certificate = $dir/cert.pem
tls_privatekey = $dir/exim.key
chunking_advertise_hosts = *
dsn_advertise_hosts = *
prdr_enable = true
smtputf8_advertise_hosts = *
pipelining_connect_advertise_hosts =
acl_smtp_rcpt = rcpt
acl_smtp_vrfy = accept
acl_smtp_expn = deny
acl_smtp_etrn = accept
smtp_etrn_command = /bin/true
deliver_drop_privilege = true
queue_only = true
begin acl
rcpt:
  accept domains = exim.test
  accept authenticated = *
  deny
begin routers
all:
  driver = accept
  transport = keep
begin transports
keep:
  driver = appendfile
  directory = $dir/mail
  maildir_format
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{\$auth2}{alice}}{eq{\$auth3}{secret}}}}
  server_set_id = \$auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = \${if and{{eq{\$auth1}{alice}}{eq{\$auth2}{secret}}}}
  server_set_id = \$auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = \${if eq{\$auth1}{alice}{secret}fail}
  server_set_id = \$auth1
ntlm:
  driver = spa
  public_name = NTLM
  server_password = \${if eq{\$auth1}{alice}{secret}fail}
  server_set_id = \$auth1
external:
  driver = external
  public_name = EXTERNAL
  server_param2 = alice
  server_condition = yes
  server_set_id = \$auth1
END
    exec /usr/sbin/exim4 -C "$dir/exim.conf" -bdf -q1h
}

opensmtpd() {
    mount -t tmpfs none /run && mount -t tmpfs none /var/spool && mount -t tmpfs none /var/lib || exit 77
    mkdir -p /run/smtpd /var/spool/smtpd /var/lib/opensmtpd/empty
    chmod 711 /var/spool/smtpd
    chmod 600 "$dir/key.pem"
    cat >"$dir/smtpd.conf" <<END
pki p cert "$dir/cert.pem"
pki p key "$dir/key.pem"
listen on 127.0.0.1 port $port tls pki p hostname os.test
action "keep" maildir "$dir/mail/%{dest.user}"
match from any for domain "os.test" action "keep"
END
    exec /usr/sbin/smtpd -d -f "$dir/smtpd.conf"
}

dovecot() {
    chown -R dovecot "$dir/mail"
    cat >"$dir/dovecot.conf" <<END
base_dir = $dir/run
state_dir = $dir/state
log_path = $dir/log
libexec_dir = /usr/lib/dovecot
protocols = lmtp submission
listen = 127.0.0.1
import_environment = LD_LIBRARY_PATH
hostname = dovecot.test
ssl = yes
ssl_cert = <$dir/cert.pem
ssl_key = <$dir/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256
mail_location = maildir:$dir/mail/%u
mail_uid = dovecot
mail_gid = dovecot
first_valid_uid = 1
submission_relay_host = 127.0.0.1
submission_relay_port = $port3
passdb {
  driver = static
  args = password={PLAIN}secret
}
userdb {
  driver = static
  args = uid=dovecot gid=dovecot home=$dir/mail/%u
}
service lmtp {
  inet_listener lmtp {
    port = $port2
  }
}
service submission-login {
  inet_listener submission {
    port = $port
  }
  inet_listener submissions {
    port = 0
  }
}
END
    exec /usr/sbin/dovecot -F -c "$dir/dovecot.conf"
}

dovecot_reading() {
    mkdir -p "$dir/keys/default/HS256"
    printf practice-key | base64 >"$dir/keys/default/HS256/default"
    chown -R dovecot "$dir/mail"
    kerberos=
    [ -f "$dir/keytab" ] && kerberos=gssapi && chown dovecot "$dir/keytab"
    export KRB5_CONFIG="$dir/krb5.conf"
    cat >"$dir/oauth2.conf" <<END
introspection_mode = local
local_validation_key_dict = fs:posix:prefix=$dir/keys/
username_attribute = sub
END
    cat >"$dir/dovecot.conf" <<END
base_dir = $dir/run
state_dir = $dir/state
log_path = $dir/log
libexec_dir = /usr/lib/dovecot
protocols = imap pop3 submission
listen = 127.0.0.1
import_environment = LD_LIBRARY_PATH KRB5_CONFIG
hostname = dovecot.test
ssl = yes
ssl_cert = <$dir/cert.pem
ssl_key = <$dir/key.pem
ssl_ca = <$dir/client-ca.pem
ssl_verify_client_cert = yes
ssl_require_crl = no
auth_ssl_username_from_cert = yes
auth_failure_delay = 0
auth_username_format = %n
auth_krb5_keytab = $dir/keytab
auth_gssapi_hostname = "\$ALL"
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256 apop external anonymous oauthbearer xoauth2 $kerberos
mail_location = maildir:$dir/mail/%u
mail_uid = dovecot
mail_gid = dovecot
first_valid_uid = 1
submission_relay_host = 127.0.0.1
submission_relay_port = 1
submission_backend_capabilities = 8BITMIME
passdb {
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = $dir/oauth2.conf
}
passdb {
  driver = static
  mechanisms = external
  args = nopassword=y
}
passdb {
  driver = static
  args = password={PLAIN}secret
}
userdb {
  driver = static
  args = uid=dovecot gid=dovecot home=$dir/mail/%u
}
service imap-login {
  inet_listener imap {
    port = $port
  }
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  inet_listener pop3 {
    port = $port2
  }
  inet_listener pop3s {
    port = 0
  }
}
service submission-login {
  inet_listener submission {
    port = $port3
  }
  inet_listener submissions {
    port = 0
  }
}
END
    exec /usr/sbin/dovecot -F -c "$dir/dovecot.conf"
}

cyrus() {
    conf="$dir/cyrus"
    mkdir -p "$conf/proc" "$conf/lock" "$conf/socket" "$dir/mail/default" "$dir/sasl"
    cp "$dir/key.pem" "$dir/cyrus.key"
    printf secret | /usr/sbin/saslpasswd2 -p -c -f "$dir/sasl/sasldb2" -u localhost alice
    cat >"$dir/imapd.conf" <<END
configdirectory: $conf
proc_path: $conf/proc
mboxname_lockpath: $conf/lock
defaultpartition: default
partition-default: $dir/mail/default
servername: localhost
defaultdomain: localhost
admins: cyrus
autocreate_quota: 0
autocreate_inbox_folders: Sent
allowplaintext: yes
allowapop: yes
allowanonymouslogin: no
popminpoll: 0
failedloginpause: 0
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: $dir/sasl/sasldb2
sasl_mech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS NTLM
tls_server_cert: $dir/cert.pem
tls_server_key: $dir/cyrus.key
lmtpsocket: $conf/socket/lmtp
idlesocket: $conf/socket/idle
notifysocket: $conf/socket/notify
END
    cat >"$dir/cyrus.conf" <<END
START {
    recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C $dir/imapd.conf -r"
}
SERVICES {
    imap cmd="/usr/lib/cyrus/bin/imapd -C $dir/imapd.conf" listen="127.0.0.1:$port" prefork=1
    pop3 cmd="/usr/lib/cyrus/bin/pop3d -C $dir/imapd.conf" listen="127.0.0.1:$port2" prefork=1
}
EVENTS {
}
END
    chown -R cyrus "$conf" "$dir/mail" "$dir/sasl" "$dir/cyrus.key"
    SASL_PATH=$(find /usr/lib -maxdepth 2 -type d -path '*-linux-gnu/sasl2')
    export SASL_PATH
    exec /usr/sbin/cyrmaster -C "$dir/imapd.conf" -M "$dir/cyrus.conf" -p "$conf/pid"
}

"$what"
