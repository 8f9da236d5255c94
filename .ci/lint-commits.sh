#!/bin/sh
# Checks the messages of the commits that are not on the main branch. Does nothing where no main branch is known, as in a
# shallow clone.
set -eu
config=$(cd "$(dirname "$0")/.." && pwd)/commitlint.config.js
nearest=
for main in origin/main main; do
  base=$(git merge-base HEAD "$main" 2>/dev/null) || continue
  count=$(git rev-list --count "$base..HEAD")
  if [ -z "$nearest" ] || [ "$count" -lt "$nearest" ]; then nearest=$count from=$base; fi
done
[ "${nearest:-0}" -eq 0 ] || exec commitlint --config "$config" --from "$from"
