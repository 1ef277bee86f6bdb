# A Docker engine for the tests where none runs, and its end: sourced by `run`, which sets `work` (a
# folder that it removes) and the functions `say` and `skip`.
#   start_engine   uses the engine that runs, or starts one; skips where neither can be
#   end_engine     ends the one that it started, and puts the machine's network back as it was

daemon_pid=
made_bridge=
forwarded=

start_engine() {
  docker info >/dev/null 2>&1 && return 0
  [ "$(id -u)" = 0 ] || skip 'a running Docker engine, or root to start one'
  command -v dockerd >/dev/null || skip 'Docker (Debian: docker.io docker-compose containerd runc iptables)'
  choose_iptables
  remember_network
  export DOCKER_HOST=unix://$work/docker.sock
  # overlay2 does not work on every file system (CI machines are often containers themselves); vfs
  # works on all of them, copies every layer and takes twice as long.
  local driver why='dockerd did not start'
  for driver in ${STORAGE_DRIVER:-overlay2 vfs}; do
    if ! has_disk_for "$driver"; then
      why="there is too little free disk for the storage driver $driver"
      continue
    fi
    if start_daemon "$driver" && why=$(why_no_containers); then
      say "dockerd with $driver"
      return 0
    fi
    [ -n "$daemon_pid" ] || why=$(tail -n 1 "$work/dockerd.log")
    stop_daemon
  done
  end_engine
  skip "a machine that lets Docker run containers; here: ${why:-unknown}"
}

end_engine() {
  [ -n "$forwarded" ] || return 0
  stop_daemon
  if [ "$made_bridge" = yes ]; then ip link delete docker0 2>/dev/null || true; fi
  for family in iptables ip6tables; do
    if [ -s "$work/$family" ]; then "$family-restore" <"$work/$family"; fi
  done
  echo "$forwarded" >/proc/sys/net/ipv4/ip_forward
  forwarded=
}

# Kernels without nf_tables have the older tables, which Debian's iptables-legacy speaks to.
choose_iptables() {
  iptables -t nat -S >/dev/null 2>&1 && return 0
  iptables-legacy -t nat -S >/dev/null 2>&1 || skip 'a kernel with iptables'
  mkdir "$work/bin"
  for command in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -s "$(command -v "${command/tables/tables-legacy}")" "$work/bin/$command"
  done
  PATH=$work/bin:$PATH
}

# An engine adds tables, forbids forwarding what it does not know and leaves both when it ends.
remember_network() {
  ip link show docker0 >/dev/null 2>&1 || made_bridge=yes
  iptables-save >"$work/iptables"
  ip6tables-save >"$work/ip6tables" 2>/dev/null || true
  forwarded=$(cat /proc/sys/net/ipv4/ip_forward)
}

# In GB, with the openvino image; vfs was seen to take 18.
has_disk_for() {
  local -A needed=([overlay2]=5 [vfs]=25)
  [ "$(df --output=avail -BG "$work" | tail -n 1 | tr -dc 0-9)" -ge "${needed[$1]:-5}" ]
}

start_daemon() {
  dockerd --host "$DOCKER_HOST" --data-root "$work/data" --exec-root "$work/exec" \
    --pidfile "$work/dockerd.pid" --storage-driver "$1" >"$work/dockerd.log" 2>&1 &
  daemon_pid=$!
  for _ in $(seq 60); do
    docker info >/dev/null 2>&1 && return 0
    kill -0 "$daemon_pid" 2>/dev/null || break
    sleep 1
  done
  if ! kill -0 "$daemon_pid" 2>/dev/null; then daemon_pid=; fi
  return 1
}

# By its pid, and what it started by theirs: a daemon that hangs must not hold CI up.
stop_daemon() {
  [ -n "$daemon_pid" ] || return 0
  kill "$daemon_pid" 2>/dev/null || true
  for _ in $(seq 40); do
    kill -0 "$daemon_pid" 2>/dev/null || break
    sleep 1
  done
  kill -KILL "$daemon_pid" 2>/dev/null || true
  wait "$daemon_pid" 2>/dev/null || true
  daemon_pid=
}

# Prints why no container runs here, or why one reaches no registry: an engine may start where neither
# works, below other containers for one. The image is this machine's Node with its libraries.
why_no_containers() {
  local program root=$work/probe registry answer
  program=$(node -p 'process.execPath')
  registry=$(npm config get registry)
  if [ ! -d "$root" ]; then
    mkdir "$root"
    # shellcheck disable=SC2046
    cp --parents --dereference "$program" $(ldd "$program" | grep -o '/[^ )]*') "$root"
  fi
  tar -C "$root" -c . | docker import - resnet-serving-probe >/dev/null
  if answer=$(timeout 60 docker run --rm resnet-serving-probe "$program" -e '
      const { hostname, port, protocol } = new URL(process.argv[1])
      require("net").connect(port || (protocol === "https:" ? 443 : 80), hostname)
        .on("connect", () => process.exit(0))
        .on("error", (error) => { console.error(error.message); process.exit(1) })' "$registry" 2>&1); then
    docker image rm --force resnet-serving-probe >/dev/null
    return 0
  fi
  echo "a container does not run or reaches no registry: $(tail -n 1 <<<"$answer" | cut -c1-300)"
  return 1
}
