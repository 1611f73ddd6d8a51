#!/usr/bin/env bash
# Install what tests/servers starts: Dovecot, Postfix and Courier IMAP, and the browser of tests/page: Chromium with its
# driver, without what it recommends. On Debian 12 or a relative, and nothing twice.
#
# Courier and Dovecot both provide Debian's "imap-server" and conflict with each other, and courier-imap asks for a mail
# transport agent beside Postfix. So the four Courier packages are only downloaded and unpacked, into .nox/courier, from
# where the fixture runs them in a folder of its own; the libraries they need come from apt. No service is started.
set -euo pipefail
cd "$(dirname "$0")/../.."

packages=(
    dovecot-imapd dovecot-submissiond postfix
    chromium chromium-driver
    libc-bin libcourier-unicode4 libgamin0 libgdbm6 libgnutls30 libidn12 libltdl7 libpcre3
)
unpacked=(courier-authlib courier-authlib-userdb courier-base courier-imap)
courier=.nox/courier

fail() {
    printf 'tests/servers/install.sh: %s\n' "$1" >&2
    exit 1
}

missing() {
    local package
    for package in "${packages[@]}"; do
        dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
    fail "there is no apt-get here. The real servers come from Debian's packages; use a Debian 12 machine or container."
mapfile -t wanted < <(missing)
[ "${#wanted[@]}" = 0 ] && [ -e "$courier/complete" ] && exit 0
[ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
    fail "this needs root to install packages, and there is no sudo: run it as root."

export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
kept=$policy.kept-by-tests
restore() {
    if [ -e "$kept" ]; then
        as_root mv -f "$kept" "$policy"
    else
        as_root rm -f "$policy"
    fi
}

# One source of packages that does not answer need not be one of ours: apt-get install tells if it was.
as_root apt-get -q update || echo "tests/servers/install.sh: apt-get update complained (above); going on." >&2

if [ "${#wanted[@]}" -gt 0 ]; then
    trap restore EXIT
    # One that is kept already comes from a run that was killed, and is the true one.
    if [ -e "$policy" ] && [ ! -e "$kept" ]; then
        as_root mv "$policy" "$kept"
    fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    printf 'postfix postfix/main_mailer_type select No configuration\n' | as_root debconf-set-selections
    # --no-remove: a mail server that this machine already uses is never thrown out for a test.
    as_root apt-get -q install --yes --no-install-recommends --no-remove "${wanted[@]}" ||
        fail "apt-get could not install: ${wanted[*]}. If it speaks of removing: another mail server is installed here."
    # On a machine with systemd the packages have asked to be started at the next boot; the tests start their own.
    if command -v systemctl >/dev/null; then
        for service in dovecot postfix; do
            case " ${wanted[*]} " in *" $service"*) as_root systemctl disable --quiet "$service" || true ;; esac
        done
    fi
fi

if [ ! -e "$courier/complete" ]; then
    rm -rf "$courier"
    mkdir -p "$courier/packages" "$courier/root"
    # Not as the user _apt, who may not write here.
    (cd "$courier/packages" && apt-get -q -o APT::Sandbox::User="$(id -un)" download "${unpacked[@]}") ||
        fail "apt-get could not download: ${unpacked[*]}"
    for package in "$courier"/packages/*.deb; do
        dpkg-deb --extract "$package" "$courier/root"
    done
    touch "$courier/complete"
fi
