#!/bin/sh
# Fetches OSV's dumps and the catalog of known exploited vulnerabilities.
#
#   fetch-advisories.sh DIR [ECOSYSTEM...]
#
# A file is replaced when the new one is whole. What cannot be fetched stays as it was, and the exit
# status is 1.
set -u
DIR=${1:?usage: fetch-advisories.sh DIR [ECOSYSTEM...]}
shift
[ $# -gt 0 ] || set -- Debian Ubuntu Alpine AlmaLinux 'Rocky Linux' 'Red Hat' PyPI npm
OSV=https://storage.googleapis.com/osv-vulnerabilities
KEV=https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json
status=0

fetch() { # URL FILE
  # Not asked for again while it is as it was.
  if curl -fsSL --retry 3 --max-time 900 --create-dirs -R -z "$2" -o "$2.new" "$1"; then
    [ ! -s "$2.new" ] || mv "$2.new" "$2"
  else
    echo "fetch-advisories: $1 was not fetched" >&2
    status=1
  fi
  rm -f "$2.new"
}

for ecosystem; do
  fetch "$OSV/$(printf %s "$ecosystem" | sed 's/ /%20/g')/all.zip" "$DIR/$ecosystem/all.zip"
done
fetch "$KEV" "$DIR/kev.json"
exit $status
