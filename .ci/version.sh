#!/bin/sh
# The version of Confab is the one in package.json.
#   .ci/version.sh 0.2.0           sets it there and everywhere else
#   .ci/version.sh --check 0.2.0   fails if it differs, there or in a file that a release is made from
set -eu
cd "$(dirname "$0")/.."
old=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
pattern=$(printf %s "$old" | sed 's/\./\\./g')

if [ "${1-}" = --check ]; then
  [ "$old" = "${2-}" ] || { echo "package.json has version $old, not ${2-none}" >&2 && exit 1; }
  grep -qx "appVersion: $pattern" charts/confab/Chart.yaml || { echo "charts/confab/Chart.yaml has another appVersion than $old" >&2 && exit 1; }
  others=$(git ls-files '*package.json' | xargs grep -L "^  \"version\": \"$pattern\"")
  [ -z "$others" ] || { echo "other versions than $old: $others" >&2 && exit 1; }
  exit
fi

new=${1-}
echo "$new" | grep -Eqx '[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?' || { echo "usage: .ci/version.sh [--check] 1.2.3" >&2 && exit 64; }
git ls-files '*package.json' |
  xargs sed -i "s/^  \"version\": \"$pattern\"/  \"version\": \"$new\"/; s/\(\"@confab\/[a-z-]*\": \)\"$pattern\"/\1\"$new\"/"
sed -i "s/^\(version\|appVersion\): $pattern$/\1: $new/" charts/confab/Chart.yaml
# Names of images and packages in guides, their tests and compose.yaml.
git grep -lE "confab(ctl)?[:-]$pattern" -- ':!package-lock.json' | xargs sed -i "s/\(confab\(ctl\)\{0,1\}[:-]\)$pattern/\1$new/g"
npm install --package-lock-only --ignore-scripts --no-audit --no-fund --silent
npm run --silent generate
