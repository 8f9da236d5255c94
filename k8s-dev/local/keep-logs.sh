#!/bin/sh
# keep-logs.sh BYTES SECONDS FOLDER...: bounds the logs that lie in the folders and one level below. Every SECONDS, the
# text of each that is larger than BYTES moves to its .1, in place of what was there. The log itself is emptied and not
# replaced, since programs hold it open; they append, and so go on at its new end.
set -u
umask 077
bytes=$1 seconds=$2
shift 2
sleeping=
trap 'kill $sleeping 2>/dev/null; exit 0' TERM INT
while :; do
  find "$@" -maxdepth 2 -type f -name '*.log' -size +"$bytes"c 2>/dev/null | while IFS= read -r log; do
    cp "$log" "$log.1" && : >"$log"
  done
  sleep "$seconds" &
  sleeping=$!
  wait "$sleeping"
done
