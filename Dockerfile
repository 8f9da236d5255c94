# One image for ingest, api, worker and confabctl; the arguments choose the program (docs/adr/0014-one-image.md).
# Nothing in /app is native code, so the stages that make it run once for all architectures.
ARG NODE_IMAGE=node:24.22.3-trixie-slim
ARG RUNTIME_IMAGE=${NODE_IMAGE}

# The manifests alone, so that the two npm ci below run again only when one of these files changes.
FROM ${NODE_IMAGE} AS manifests
WORKDIR /app
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete && find . -type d -empty -delete

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY --from=manifests /app ./
# Optional packages are native ones: Node itself, which the base image has, and accelerators that are not used.
RUN --mount=type=cache,target=/root/.npm npm ci --omit=optional --no-audit --no-fund
COPY . .
RUN npm run --silent generate --workspace packages/database \
  && npx tsc -b services/ingest services/api services/worker packages/cli \
  && sh k8s-dev/images/keep-programs.sh

FROM ${NODE_IMAGE} AS modules
WORKDIR /app
COPY --from=manifests /app ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --omit=optional --no-audit --no-fund \
  --workspace services/ingest --workspace services/api --workspace services/worker --workspace packages/cli
COPY k8s-dev/images/prune-modules.sh k8s-dev/images/
RUN sh k8s-dev/images/prune-modules.sh

# For `tilt up`: services run from their sources, which Tilt writes into the container as they change.
FROM build AS dev
RUN chown -R 65532:65532 packages services
USER 65532:65532
ENTRYPOINT ["node"]
CMD ["packages/cli/dist/src/main.js", "--help"]

# No RUN from here on: the runtime image may have no shell.
FROM ${RUNTIME_IMAGE}
# /nodejs/bin is where distroless images have node, /usr/local/bin is where the official ones have it.
ENV NODE_ENV=production \
  PATH=/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/nodejs/bin
WORKDIR /app
COPY --from=modules /app ./
COPY --from=build /programs ./
USER 65532:65532
EXPOSE 8081 8082 9081 9082 9083
ENTRYPOINT ["node"]
CMD ["packages/cli/dist/src/main.js", "--help"]

# The labels that differ from build to build come from build.sh, since buildah's cache overlooks a changed ARG in a LABEL.
LABEL org.opencontainers.image.title="Confab" \
  org.opencontainers.image.description="A distributed chat back end: ingest, api, worker and confabctl" \
  org.opencontainers.image.licenses="Apache-2.0"
