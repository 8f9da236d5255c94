#!/bin/sh
# Run by the Dockerfile after npm ci: takes from node_modules what no program of the image reads.
set -eu

# The manifests come again with the programs, and there only those of what is installed.
find . -path ./node_modules -prune -o -type f ! -path '*/node_modules/*' ! -path './k8s-dev/images/*' -exec rm {} +
rm -rf k8s-dev node_modules/.bin node_modules/.package-lock.json

# For compilers, debuggers and readers. Licences stay.
find . \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' -o -name '*.tsbuildinfo' \
  -o -iname 'readme*' -o -iname 'changelog*' -o -iname 'history.md' \) -type f -exec rm {} +
rm -rf node_modules/@types
find . -path '*/node_modules/*' -name package.json | while read -r manifest; do
  package=${manifest%/package.json}
  rm -rf "$package/test" "$package/tests" "$package/benchmarks" "$package/examples" "$package/docs"
done

# Prisma's query compilers for other databases, for other module systems, and the large variants.
find node_modules/@prisma/client/runtime -type f \
  ! -name 'client.*' ! -name 'query_compiler_small_bg.mysql.mjs' ! -name 'query_compiler_small_bg.mysql.wasm-base64.mjs' \
  -exec rm {} +

# Swagger UI's builds for bundlers, which its page does not load.
rm -f node_modules/swagger-ui-dist/swagger-ui-es-bundle*.js node_modules/swagger-ui-dist/swagger-ui.js
# It reports installations by a script that never runs here, and does nothing else.
rm -rf node_modules/@scarf

find . -depth -type d -empty -delete
