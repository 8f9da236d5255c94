#!/bin/sh
# Stands in for Prisma's schema engine, which `prisma generate` never runs but would download.
echo "Confab applies its migrations itself (src/migrate.ts); the schema engine is not installed." >&2
exit 1
