#!/bin/sh
# Run by the Dockerfile after the compiler: copies packages and services to /programs without what only the compiler
# reads. Says what is left out, not what is kept, so that a new kind of file is in the image without being named here.
set -eu
mkdir /programs
tar -cf - \
  --exclude=node_modules --exclude='*.ts' --exclude='.tsbuildinfo' --exclude='tsconfig.json' --exclude='generate-docs.*' \
  --exclude='no-schema-engine.sh' --exclude='schema.prisma' --exclude='prisma.config.*' --exclude=packages/testkit --exclude=packages/local --exclude=packages/cli/package --exclude=packages/cli/dist/package \
  LICENSE package.json packages services | tar -xf - -C /programs
find /programs -type d -empty -delete
mkdir /programs/bin
# A checkout made under a strict umask must still be readable to the image's user.
chmod -R a+rX /programs
ln -s ../packages/cli/bin/confabctl /programs/bin/confabctl
