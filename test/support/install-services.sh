#!/usr/bin/env bash
# Installs the programs that some tests drive, on Debian or Ubuntu: gateways, rsyslog with its Kafka output, kcat, openssl,
# Java and Maven. Nothing is started. What is there already is left as it is.
set -euo pipefail

have() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'; }
# Kafka 4 brokers need Java 17.
java_major() { java -version 2>&1 | sed -n '1s/[^"]*"\([0-9]*\).*/\1/p'; }

packages=()
if command -v dpkg-query >/dev/null; then
  for package in nginx rsyslog rsyslog-kafka kcat openssl; do have "$package" || packages+=("$package"); done
else
  for program in nginx rsyslogd kcat openssl; do command -v "$program" >/dev/null || packages+=("$program"); done
fi
major="$(command -v java >/dev/null && java_major || true)"
[ "${major:-0}" -ge 17 ] || packages+=(openjdk-17-jre-headless)
command -v mvn >/dev/null || packages+=(maven)
[ "${#packages[@]}" -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "cannot install here (no apt-get); missing: ${packages[*]}" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "cannot install without root; run: sudo $0   missing: ${packages[*]}" >&2
  exit 1
fi

# One run at a time, or the second takes the first one's policy for the machine's own.
exec 9>/var/lock/gatewatch-install-services
flock 9
# Debian asks this file before it starts a service; 101 forbids it. One that stands there already is put back afterwards.
policy=/usr/sbin/policy-rc.d
kept=
if [ -e "$policy" ] || [ -L "$policy" ]; then
  kept="$policy.before-gatewatch"
  mv "$policy" "$kept"
fi
restore() { rm -f "$policy"; [ -z "$kept" ] || mv "$kept" "$policy"; }
trap restore EXIT
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
echo "installed: ${packages[*]}"
