#!/usr/bin/env bash
# Puts the broker's jars into the test cache, once. Needs mvn and Java 17 or newer. Two runs at once do no harm: each fills a
# folder of its own and renames it into place, and the second to arrive throws its copy away.
set -euo pipefail
pom="$(cd "$(dirname "$0")" && pwd)/pom.xml"
version="$(sed -n 's/.*<kafka.version>\(.*\)<.*/\1/p' "$pom")"
cache="${GATEWATCH_TEST_CACHE:-$HOME/.cache/gatewatch-test}"
home="$cache/kafka-$version"
[ -d "$home/lib" ] && exit 0
command -v mvn >/dev/null || { echo "kafka: mvn is missing (Debian package maven)" >&2; exit 1; }
mkdir -p "$home"
staging="$(mktemp -d "$home/staging-XXXXXX")"
trap 'rm -rf "$staging"' EXIT
mvn -q -B -f "$pom" dependency:copy-dependencies -DoutputDirectory="$staging/lib"
# rename(2) refuses a folder that has files in it, where mv would move into it.
node -e 'fs.renameSync(process.argv[1], process.argv[2])' "$staging/lib" "$home/lib" 2>/dev/null || [ -d "$home/lib" ]
