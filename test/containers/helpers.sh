# What the container tests say, ask and wait for: sourced by `run`.

say() { printf '%3d s  %s\n' $((SECONDS - started)) "$*"; }
fail() { say "FAILED: $*"; exit 1; }
skip() {
  echo "skipped: the container tests need $*"
  if [ "${CONTAINERS_REQUIRED:-}" = 1 ]; then exit 1; else exit 0; fi
}

# Debian has docker-compose 1.29, others Compose v2 as a plugin; both read the same file.
compose() {
  local program='docker compose'
  command -v docker-compose >/dev/null && program=docker-compose
  $program --project-name "$project" --profile openvino --profile gpu --profile scale --profile observability "$@"
}

# base NAME IMAGE: the registry's image where it can be reached, else one made of packages.
base() {
  docker image inspect "$2" >/dev/null 2>&1 && return 0
  timeout 20 docker pull --quiet "$2" >/dev/null 2>&1 && made_images+=("$2") && return 0
  command -v debootstrap >/dev/null || skip "the image $2, or debootstrap to make it"
  test/containers/make-base-image "$1"
  made_images+=("$2")
}

# build TAG ARGUMENTS…: `docker build`, and the image's size against what is promised.
build() {
  local tag=$1 base_bytes=0 bytes mb
  shift
  if [ "${BUILD:-yes}" = yes ]; then
    docker build --quiet --tag "resnet-serving:$tag" "$@" . >"$work/build.log" 2>&1 || {
      tail -30 "$work/build.log"
      fail "docker build $*"
    }
    made_images=("resnet-serving:$tag" "${made_images[@]}")
  fi
  bytes=$(docker image inspect --format '{{.Size}}' "resnet-serving:$tag")
  [ "$tag" = gpu ] && base_bytes=$(docker image inspect --format '{{.Size}}' "$CUDA_IMAGE")
  mb=$(((bytes - base_bytes) / 1000000))
  say "resnet-serving:$tag is $mb MB (at most ${limit_mb[$tag]})"
  [ "$mb" -le "${limit_mb[$tag]}" ] || fail "the image $tag is larger than is promised"
}

# wait_for WHAT SECONDS COMMAND…
wait_for() {
  local what=$1 seconds=$2
  shift 2
  for _ in $(seq "$seconds"); do "$@" >/dev/null 2>&1 && return 0; sleep 1; done
  fail "$what did not come in $seconds s"
}

# expect WHAT PATTERN: standard input has a line that matches.
expect() {
  local text
  text=$(cat)
  grep -Eq -- "$2" <<<"$text" || fail "$1: no $2 in $(head -c 400 <<<"$text")"
  say "$1"
}

# up [--scale…] SERVICE: as `docker compose up` does it, from the images that were built.
up() { compose up -d --no-build "$@" >"$work/up.log" 2>&1 || { tail -20 "$work/up.log"; fail "docker compose up $*"; }; }

container() { compose ps -q "$1" | sed -n "${2:-1}p"; }
is_healthy() { [ "$(docker inspect --format '{{.State.Health.Status}}' "$1")" = healthy ]; }

# classify HOST:PORT
classify() { curl -fsS -F "image=@$work/photo.jpg" "http://$1/v1/classify?top_k=1"; }

# As deployment.md runs it, and no right that it does not need.
hardened='--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges:true'

# run_alone NAME OPTIONS IMAGE: a container without compose, and waits until it is healthy.
run_alone() {
  local options=$2
  # shellcheck disable=SC2086
  docker run --detach --name "$project-$1" --publish 127.0.0.1::8080 --env MODEL_SOURCE $options "$3" >/dev/null
  wait_for "the container $1, healthy" 180 is_healthy "$project-$1"
}
address_of() { docker port "$project-$1" 8080; }

# promtool ARGUMENTS…: of Prometheus' own image, with the alert rules in /rules.
promtool() {
  docker run --rm --interactive --volume "$PWD/deploy/observability/prometheus:/rules:ro" \
    --entrypoint promtool prom/prometheus:v2.53.4 "$@"
}

# wait_for_value WHAT EXPRESSION PATTERN: until Prometheus' first value for it matches.
wait_for_value() {
  wait_for "$1" 60 has_value "$2" "$3"
  say "$1"
}
has_value() {
  curl -fsS --data-urlencode "query=$1" "http://127.0.0.1:$PROMETHEUS_PORT/api/v1/query" |
    node -p 'JSON.parse(require("fs").readFileSync(0)).data.result[0]?.value[1] ?? "nothing"' |
    grep -Eq -- "$2"
}

# allocators CONTAINER: which of its processes have jemalloc.
allocators() {
  docker exec "$1" sh -c '
    for process in /proc/[0-9]*; do
      line=$(tr "\0" " " <"$process/cmdline" 2>/dev/null)
      case $line in "resnet-serving session:"*) name=session ;; resnet-serving*) name=service ;; *) continue ;; esac
      if grep -q jemalloc "$process/maps"; then echo "$name with jemalloc"; else echo "$name without jemalloc"; fi
    done'
}

free_port() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'; }

make_photograph() {
  node -e 'require("sharp")({create:{width:500,height:375,channels:3,background:"#888",noise:{type:"gaussian",mean:128,sigma:40}}}).jpeg().toFile(process.argv[1])' "$work/photo.jpg"
}
