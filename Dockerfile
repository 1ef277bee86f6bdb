# Images that serve: `docker build .` makes the one for CPUs, `--target openvino` and `--target gpu`
# the others. Built in stages: what compiles and what downloads stays behind, what runs is Node, the
# compiled service and the native libraries. glibc, not musl: onnxruntime-node has no musl build.
# docs/deployment.md says how large each may become; test/containers/ builds them and checks it.

ARG NODE_IMAGE=node:22-bookworm-slim
# TensorFlow 2.21 is compiled for CUDA 12.5 and cuDNN 9.3: a later 12.x and 9.x run it.
ARG CUDA_IMAGE=nvidia/cuda:12.6.3-cudnn-runtime-ubuntu22.04

# --- what `npm ci` reads, alone: its layer stays as long as these do. A workspace brings its own.
FROM ${NODE_IMAGE} AS manifests
WORKDIR /source
COPY . .
RUN mkdir /manifests \
 && cp --parents package.json package-lock.json .npmrc $(ls */package.json 2>/dev/null) /manifests/

# --- everything, to build with
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY --from=manifests /manifests ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build

# --- only what runs: no development packages, and no native libraries of other systems
# --- (onnxruntime-node ships all of them, 240 MB)
FROM ${NODE_IMAGE} AS modules
WORKDIR /app
COPY --from=manifests /manifests ./
# Not --omit=optional: sharp's own binaries are optional packages too.
RUN npm ci --omit=dev --no-audit --no-fund \
 && npm cache clean --force \
 && find node_modules/onnxruntime-node/bin/napi-v* -mindepth 1 -maxdepth 1 ! -name linux -exec rm -rf {} + \
 && find node_modules/onnxruntime-node/bin/napi-v*/linux -mindepth 1 -maxdepth 1 ! -name "$(node -p process.arch)" -exec rm -rf {} + \
 && rm -rf node_modules/@img/sharp-wasm32 \
 && find node_modules -name '*.map' -delete

# --- of these, what a CPU needs: without the binding of TensorFlow
FROM modules AS cpu-modules
RUN npm uninstall --no-save --omit=dev --no-audit --no-fund @tensorflow/tfjs-node-gpu \
 && rm -rf node_modules/@img/sharp-wasm32

# --- models inside the image, where the build is told so: `--build-arg BAKE_MODELS="resnet34 resnet50"`
# --- downloads the published weights, BAKE_MODELS=random needs no network and means nothing
FROM ${NODE_IMAGE} AS models
ARG BAKE_MODELS=none
ARG MODEL_SOURCE=https://huggingface.co
WORKDIR /app
COPY --from=cpu-modules /app/node_modules ./node_modules
COPY --from=build /app/dist/src ./dist/src
COPY package.json openapi.yaml ./
RUN mkdir /models \
 && case "$BAKE_MODELS" in \
      none) ;; \
      random) MODEL_SOURCE=none node dist/src/cli/bin.cjs models ensure --output /models ;; \
      *) for model in $BAKE_MODELS; do \
           MODEL_SOURCE="$MODEL_SOURCE" node dist/src/cli/bin.cjs models pull "$model" --output /models || exit 1; \
         done ;; \
    esac

# --- serves on CPUs with ONNX Runtime
FROM ${NODE_IMAGE} AS cpu
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libjemalloc2 tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && ln -s "$(find /usr/lib -name 'libjemalloc.so.2' | head -n 1)" /usr/lib/libjemalloc.so.2 \
 && groupadd --gid 10001 serving && useradd --uid 10001 --gid serving --no-create-home serving
WORKDIR /app
COPY --from=cpu-modules /app/node_modules ./node_modules
COPY --from=build /app/dist/src ./dist/src
COPY package.json openapi.yaml LICENSE NOTICE ./
COPY --from=models --chown=10001:10001 /models /models
# jemalloc keeps the memory of many decodes from fragmenting; the session processes, which decode
# nothing, start without it. An empty LD_PRELOAD does without.
ENV NODE_ENV=production \
    LD_PRELOAD=/usr/lib/libjemalloc.so.2 \
    HOST=0.0.0.0 \
    PORT=8080 \
    MODEL_REPOSITORY=/models
USER 10001:10001
EXPOSE 8080
VOLUME ["/models"]
# The first start may download 190 MB of weights.
HEALTHCHECK --interval=10s --timeout=10s --start-period=300s --retries=3 \
  CMD ["node", "dist/src/cli/health-check.js"]
ENTRYPOINT ["tini", "--", "node", "--enable-source-maps", "dist/src/cli/bin.cjs"]
CMD ["serve"]

# --- OpenVINO's libraries, out of its Python package
FROM build AS openvino-engine
RUN ENGINES_FOLDER=/engines node dist/src/cli/bin.cjs setup-openvino

# --- serves on CPUs with OpenVINO, and with ONNX Runtime what OpenVINO refuses
FROM cpu AS openvino
COPY --from=openvino-engine /engines ./.engines

# --- TensorFlow's libraries with CUDA kernels, and its binding compiled against them
FROM build AS gpu-engines
ARG TENSORFLOW_PACKAGE=tensorflow
RUN apt-get update \
 && apt-get install --yes --no-install-recommends g++ make python3 \
 && ENGINES_FOLDER=/engines node dist/src/cli/bin.cjs setup-tensorflow --package "$TENSORFLOW_PACKAGE" \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

# --- ONNX Runtime's CUDA provider, which npm does not carry: its own script gets it from NuGet.
# --- ONNXRUNTIME_CUDA=no leaves it out; the onnxruntime engine then runs on the CPU.
FROM modules AS gpu-modules
ARG ONNXRUNTIME_CUDA=yes
RUN if [ "$ONNXRUNTIME_CUDA" = yes ]; then \
      node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12 \
      && rm -f node_modules/onnxruntime-node/bin/napi-v*/linux/*/libonnxruntime_providers_tensorrt.so; \
    fi

# --- serves on NVIDIA GPUs with TensorFlow or ONNX Runtime
FROM ${NODE_IMAGE} AS node
FROM ${CUDA_IMAGE} AS gpu
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates libjemalloc2 tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && ln -s "$(find /usr/lib -name 'libjemalloc.so.2' | head -n 1)" /usr/lib/libjemalloc.so.2 \
 && groupadd --gid 10001 serving && useradd --uid 10001 --gid serving --no-create-home serving
COPY --from=node /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
COPY --from=gpu-modules /app/node_modules ./node_modules
COPY --from=gpu-engines /engines ./.engines
COPY --from=build /app/dist/src ./dist/src
COPY package.json openapi.yaml LICENSE NOTICE ./
COPY --from=models --chown=10001:10001 /models /models
ENV NODE_ENV=production \
    LD_PRELOAD=/usr/lib/libjemalloc.so.2 \
    HOST=0.0.0.0 \
    PORT=8080 \
    MODEL_REPOSITORY=/models \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:10001
EXPOSE 8080
VOLUME ["/models"]
HEALTHCHECK --interval=10s --timeout=10s --start-period=300s --retries=3 \
  CMD ["node", "dist/src/cli/health-check.js"]
ENTRYPOINT ["tini", "--", "node", "--enable-source-maps", "dist/src/cli/bin.cjs"]
CMD ["serve"]

# --- what `docker build .` makes
FROM cpu
