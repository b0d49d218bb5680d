#!/bin/sh
# A Kerberos key distribution centre from the packages that tests/peers.sh unpacked, in the foreground, on a loopback
# port, with all it needs below DIR; as any user. Realm EXAMPLE.TEST, alice with password "secret".
#
# usage: sh tests/lib/kdc.sh DIR PORT
#
# DIR/krb5.conf is for KRB5_CONFIG, DIR/keytab holds the keys of imap, pop and smtp at localhost, DIR/tickets
# (KRB5CCNAME=FILE:DIR/tickets) alice's ticket, fetched once the KDC answers: then "ready" is printed.
set -eu
dir=$1 port=$2
cd "$(dirname "$0")/../.."
root=$(pwd)/build/peers/root
dir=$(cd "$dir" && pwd)
LD_LIBRARY_PATH=$(find "$root" -type d -path '*lib/*-linux-gnu' | tr '\n' ':')
export LD_LIBRARY_PATH KRB5_CONFIG="$dir/krb5.conf" KRB5_KDC_PROFILE="$dir/kdc.conf" KRB5CCNAME="FILE:$dir/tickets"

cat >"$dir/krb5.conf" <<END
[libdefaults]
default_realm = EXAMPLE.TEST
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
[realms]
EXAMPLE.TEST = {
  kdc = 127.0.0.1:$port
}
[domain_realm]
localhost = EXAMPLE.TEST
[dbmodules]
db_module_dir = $(find "$root/usr/lib" -type d -path '*/krb5/plugins/kdb')
END
cat >"$dir/kdc.conf" <<END
[kdcdefaults]
kdc_listen = 127.0.0.1:$port
kdc_tcp_listen = 127.0.0.1:$port
[realms]
EXAMPLE.TEST = {
  database_name = $dir/principal
  key_stash_file = $dir/stash
  acl_file = $dir/acl
}
[logging]
kdc = FILE:$dir/kdc.log
END
: >"$dir/acl"
"$root/usr/sbin/kdb5_util" create -s -r EXAMPLE.TEST -P master >"$dir/made" 2>&1
"$root/usr/sbin/kadmin.local" >>"$dir/made" 2>&1 <<END
addprinc -pw secret alice
addprinc -randkey imap/localhost
addprinc -randkey pop/localhost
addprinc -randkey smtp/localhost
ktadd -k $dir/keytab imap/localhost pop/localhost smtp/localhost
END
"$root/usr/sbin/krb5kdc" -n >>"$dir/made" 2>&1 &
kdc=$!
trap 'kill $kdc' EXIT
trap 'exit 0' TERM INT HUP
tries=0
until echo secret | "$root/usr/bin/kinit" alice >>"$dir/made" 2>&1; do
    tries=$((tries + 1))
    kill -0 $kdc 2>/dev/null && [ $tries -lt 200 ] || exit 1
    sleep 0.05 # between two questions whether it answers
done
echo ready
wait $kdc
