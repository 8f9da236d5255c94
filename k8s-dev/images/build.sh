#!/bin/sh
# Builds Confab's image; `--help` lists what the environment can change.
set -eu
cd "$(dirname "$0")/../.."

usage() {
  cat <<'END'
k8s-dev/images/build.sh: builds Confab's image with docker, podman or buildah.

  IMAGE           its name (confab:<version in package.json>)
  NODE_IMAGE      what it is built with (node:24.22.3-trixie-slim)
  RUNTIME_IMAGE   what it runs on (NODE_IMAGE), for example gcr.io/distroless/nodejs24-debian13
  ENGINE          docker, podman or buildah (the first of them that works)
  SOURCE          where the sources can be read, for the image's label (the repository in package.json)
  BUILD_FLAGS     more arguments for the engine's build command, split at spaces
END
}

fail() {
  echo "$*" >&2
  exit 1
}

works() {
  case $1 in
  buildah) buildah images >/dev/null 2>&1 ;;
  *) "$1" info >/dev/null 2>&1 ;;
  esac
}

case ${1-} in
'') ;;
-h | --help) usage && exit ;;
*) usage >&2 && exit 64 ;;
esac

if [ -z "${ENGINE-}" ]; then
  for candidate in docker podman buildah; do
    if works "$candidate"; then ENGINE=$candidate && break; fi
  done
fi
[ -n "${ENGINE-}" ] || fail "No docker, podman or buildah works here: install one, or start Docker's daemon."

version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
image=${IMAGE:-confab:$version}
source=${SOURCE:-$(sed -n 's/^    "url": "git+\(.*\)\.git"$/\1/p' package.json)}
node_image=${NODE_IMAGE:-node:24.22.3-trixie-slim}
runtime_image=${RUNTIME_IMAGE:-$node_image}
revision=$(git rev-parse HEAD 2>/dev/null || true)
if [ -n "$revision" ] && [ -n "$(git status --porcelain 2>/dev/null)" ]; then revision=$revision-dirty; fi

label=org.opencontainers.image
flags=${BUILD_FLAGS-}
# Docker and podman keep the layers of a build by themselves.
if [ "$ENGINE" = buildah ]; then flags="--layers $flags"; fi

echo "building $image with $ENGINE, on $runtime_image, from ${revision:-sources without a commit}"
# shellcheck disable=SC2086
"$ENGINE" build $flags \
  --build-arg NODE_IMAGE="$node_image" --build-arg RUNTIME_IMAGE="$runtime_image" \
  --label "$label.version=$version" --label "$label.revision=$revision" --label "$label.source=$source" \
  --label "$label.created=$(date -u +%Y-%m-%dT%H:%M:%SZ)" --label "$label.base.name=$runtime_image" \
  --tag "$image" .
echo "$image: $("$ENGINE" images --format '{{.Size}}' "$image" | head -n 1), uncompressed"
