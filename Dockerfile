# Built in stages: what compiles and what downloads stays behind, what runs is Node, the compiled
# service and the native libraries of one engine. glibc, not musl: onnxruntime-node has no musl build.

ARG NODE_IMAGE=node:22-bookworm-slim

# --- everything, to build with
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json openapi.yaml ./
COPY src ./src
RUN npx tsc --project tsconfig.json --noCheck && node dist/src/cli/copy-assets.js

# --- only what runs on a CPU: no development packages, no optional TensorFlow binding,
# --- no native libraries of other systems (onnxruntime-node ships all of them, 240 MB)
FROM ${NODE_IMAGE} AS modules
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Not --omit=optional: sharp's own binaries are optional packages too.
RUN npm ci --omit=dev --no-audit --no-fund \
 && npm uninstall --no-save --no-audit --no-fund @tensorflow/tfjs-node-gpu \
 && npm cache clean --force \
 && find node_modules/onnxruntime-node/bin/napi-v* -mindepth 1 -maxdepth 1 ! -name linux -exec rm -rf {} + \
 && find node_modules/onnxruntime-node/bin/napi-v*/linux -mindepth 1 -maxdepth 1 ! -name "$(node -p process.arch)" -exec rm -rf {} +

# --- the image that serves
FROM ${NODE_IMAGE} AS cpu
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libjemalloc2 tini \
 && rm -rf /var/lib/apt/lists/* \
 && ln -s "$(find /usr/lib -name 'libjemalloc.so.2' | head -n 1)" /usr/lib/libjemalloc.so.2
WORKDIR /app
COPY --from=modules /app/node_modules ./node_modules
COPY --from=build /app/dist/src ./dist/src
COPY package.json openapi.yaml LICENSE NOTICE ./
RUN groupadd --gid 10001 serving && useradd --uid 10001 --gid serving --no-create-home serving \
 && mkdir /models && chown serving:serving /models
# jemalloc keeps the memory of many decodes from fragmenting; unset LD_PRELOAD to do without.
ENV NODE_ENV=production \
    LD_PRELOAD=/usr/lib/libjemalloc.so.2 \
    HOST=0.0.0.0 \
    PORT=8080 \
    MODEL_REPOSITORY=/models
USER 10001:10001
EXPOSE 8080
VOLUME ["/models"]
HEALTHCHECK --interval=10s --timeout=4s --start-period=120s --retries=3 \
  CMD ["node", "dist/src/cli/bin.cjs", "health"]
ENTRYPOINT ["tini", "--", "node", "--enable-source-maps", "dist/src/cli/bin.cjs"]
CMD ["serve"]
