#!/bin/sh
# Replaces Prisma's schema engine, which `prisma generate` would download although it never runs it.
echo "Prisma's schema engine is not installed: Confab applies its migrations itself (src/migrate.ts)." >&2
exit 1
