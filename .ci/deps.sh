#!/bin/sh
# The packages smtpscope needs: finds what is missing, installs it where it can, says so where it cannot.
#
# usage: .ci/deps.sh missing PURPOSE   print Debian names of what is missing for `build` or `check`; status 0: nothing
#        .ci/deps.sh install PURPOSE   install it with apt-get, or print one message with the names elsewhere
#
# The table is .ci/packages.tsv. `check` includes `build`.
set -eu
table=$(dirname "$0")/packages.tsv
mode=${1:?missing or install}
purpose=${2:?build or check}

# Is what this probe names there?  cmd:NAME  pkg:NAME (pkg-config)  hdr:FILE (a header)
# lib:GLOB (a file of clang's runtime)
have() {
    case $1 in
    cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
    pkg:*) command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "${1#pkg:}" 2>/dev/null ;;
    hdr:*) echo "#include <${1#hdr:}>" | gcc -E -x c - >/dev/null 2>&1 ;;
    lib:*) command -v clang >/dev/null 2>&1 &&
        ls "$(clang -print-resource-dir)"/lib/linux/${1#lib:} >/dev/null 2>&1 ;;
    *) echo "deps: unknown probe $1" >&2; exit 2 ;;
    esac
}

# Names of the missing packages in the table's column $1.
missing() {
    tail -n +2 "$table" | while IFS="$(printf '\t')" read -r what probe debian fedora arch homebrew; do
        [ "$what" = build ] || [ "$purpose" = check ] || continue
        have "$probe" && continue
        eval "printf '%s ' \"\$$1\""
    done
}

need=$(missing debian)
if [ "$mode" = missing ]; then
    [ -z "$need" ] && exit 0
    echo "$need"
    exit 1
fi
[ -z "$need" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    {
        echo "smtpscope needs packages that are not here, and this system has no apt-get to install them with."
        echo "  Debian, Ubuntu:  apt install $need"
        echo "  Fedora:          dnf install $(missing fedora)"
        echo "  Arch:            pacman -S $(missing arch)"
        echo "  Homebrew:        brew install $(missing homebrew)"
    } >&2
    exit 1
fi

as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "smtpscope needs packages: as root, run: apt-get install $need" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "smtpscope: installing with apt-get: $need"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # the list is words
if ! $as_root apt-get install -y --no-install-recommends $need >/dev/null 2>&1; then
    # An old or empty package list is the usual reason: fetch it, and try again where errors are seen.
    $as_root apt-get update -q
    $as_root apt-get install -y -q --no-install-recommends $need
fi
still=$(missing debian)
if [ -n "$still" ]; then
    echo "smtpscope: still missing after installing: $still" >&2
    exit 1
fi
