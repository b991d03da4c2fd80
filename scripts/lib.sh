# shellcheck shell=bash
# Functions that the project's scripts share. Sourced, never run; the caller has set -euo pipefail.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034 # used by the scripts that source this file
readonly ROOT

# ---------------------------------------------------------------- what the reader sees

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
    BOLD='' DIM='' RED='' PLAIN=''
fi

step() { printf '\n%s== %s%s\n' "$BOLD" "$*" "$PLAIN"; }
say() { printf '   %s\n' "$*"; }

# Prints the command the way a person would type it, then runs it.
show() {
    printf '   %s$ %s%s\n' "$DIM" "${*//"$ROOT/"/}" "$PLAIN"
    "$@" 2>&1 | sed 's/^/     /'
}

# die TEXT [LOG]: ends the script; with a log, its last lines come first.
die() {
    local text=$1 log=${2:-}
    if [[ -n $log && -f $log ]]; then
        printf '\n--- the last lines of %s\n' "$log" >&2
        tail -n 25 -- "$log" >&2
        printf -- '---\n' >&2
    fi
    printf '%serror:%s %s\n' "$RED" "$PLAIN" "$text" >&2
    exit 1
}

# ---------------------------------------------------------------- what the machine needs

require_root() {
    [[ $EUID -eq 0 ]] || die "$1 needs root (containers, mounts, network namespaces): run it with sudo"
}

# require_dotnet: the .NET SDK that global.json names. Installing it is left to the person: it is not in Debian.
require_dotnet() {
    if ! command -v dotnet >/dev/null || ! (cd "$ROOT" && dotnet --version >/dev/null 2>&1); then
        die "the .NET 10 SDK is missing. Install it with Microsoft's script:
         curl -fsSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0 --install-dir /usr/share/dotnet
         ln -s /usr/share/dotnet/dotnet /usr/bin/dotnet
       or from Microsoft's package feed (package dotnet-sdk-10.0), then run this again"
    fi
    export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
}

# What the agent's native program is linked with.
readonly LINKER=(gcc /usr/include/zlib.h)

# require_linker: what LINKER names.
require_linker() {
    local packages
    packages=$(missing_packages "${LINKER[@]}" | tr '\n' ' ')
    [[ -z $packages ]] || die "edgecore is built as a native program, and this is missing: $packages. Install it: sudo apt-get install $packages"
}

# What each Debian package is needed for, by a file or a command that it brings.
readonly -A PACKAGE_OF=(
    [containerd]=containerd [ctr]=containerd [runc]=runc
    [/usr/lib/cni/bridge]=containernetworking-plugins
    [mosquitto]=mosquitto [mosquitto_pub]=mosquitto-clients
    [busybox]=busybox-static [curl]=curl [jq]=jq [ip]=iproute2 [tar]=tar
    [faketime]=faketime [strace]=strace
    [kubectl]=kubernetes-client [etcd]=etcd-server
    [gcc]=gcc [/usr/include/zlib.h]=zlib1g-dev
)

has() {
    if [[ $1 == /* ]]; then [[ -e $1 ]]; else PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null; fi
}

# missing_packages NEED...: the packages to install for what is not there.
missing_packages() {
    local need
    for need in "$@"; do
        has "$need" || printf '%s\n' "${PACKAGE_OF[$need]}"
    done | sort -u
}

# install_missing NEED...: apt-get for what is not there; says so when nothing is to do.
install_missing() {
    local -a packages
    mapfile -t packages < <(missing_packages "$@")
    if ((${#packages[@]} == 0)); then
        say "all there: $*"
        return
    fi
    [[ $EUID -eq 0 ]] || die "missing: ${packages[*]}. Install them: sudo apt-get install ${packages[*]}"
    has apt-get || die "missing: ${packages[*]}, and this is no Debian: install them with this system's own package tool"
    say "apt-get install ${packages[*]}"
    local log
    log=$(mktemp)
    # without the update a machine fresh from its image knows no packages; with stale lists it may still work
    DEBIAN_FRONTEND=noninteractive apt-get update </dev/null >"$log" 2>&1 || say "apt-get update failed; trying with the lists that are there"
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}" </dev/null >>"$log" 2>&1 ||
        die "apt-get could not install ${packages[*]}" "$log"
    rm -f -- "$log"
}

# ---------------------------------------------------------------- waiting, ports

# wait_for SECONDS WHAT LOG COMMAND...: until the command succeeds; else dies with the log's tail. With WAIT_PIDFILE
# set it also dies when that daemon ends.
wait_for() {
    local limit=$1 what=$2 log=$3 start=$EPOCHREALTIME
    shift 3
    until "$@" >/dev/null 2>&1; do
        if [[ -n ${WAIT_PIDFILE:-} ]] && ! running_pid "$WAIT_PIDFILE" >/dev/null; then
            die "$(basename "$WAIT_PIDFILE" .pid) ended while this was waited for: $what" "$log"
        fi
        if awk -v a="$start" -v b="$EPOCHREALTIME" -v l="$limit" 'BEGIN { exit !(b - a > l) }'; then
            die "not within $limit s: $what" "$log"
        fi
        sleep 0.1
    done
    say "$what: $(seconds_since "$start") s"
}

seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# choose_port WANTED: WANTED when nothing listens there, else the next free one above it.
choose_port() {
    local port=$1
    until port_is_free "$port"; do
        ((++port < 65535)) || die "no free port above $1"
    done
    printf '%s\n' "$port"
}

# ---------------------------------------------------------------- daemons without a service manager

# A pid file holds "PID START": START (clock ticks since boot, /proc/PID/stat) tells our process from a later one
# that was given the same number.
start_time_of() {
    local stat
    stat=$(<"/proc/$1/stat") || return 1
    stat=${stat##*) } # the name before it may hold blanks and brackets
    local -a fields
    read -ra fields <<<"$stat"
    printf '%s\n' "${fields[19]}"
} 2>/dev/null

# running_pid PIDFILE: prints the pid when that very process still runs.
running_pid() {
    local pid start
    read -r pid start 2>/dev/null <"$1" || return 1
    [[ -n $start && $(start_time_of "$pid") == "$start" ]] || return 1
    [[ $(awk '/^State:/ { print $2 }' "/proc/$pid/status" 2>/dev/null) != Z ]] || return 1
    printf '%s\n' "$pid"
}

# start_daemon PIDFILE LOG COMMAND...: in a session of its own, so that it outlives this shell.
start_daemon() {
    local pidfile=$1 log=$2 pid
    shift 2
    setsid -- "$@" </dev/null >>"$log" 2>&1 &
    pid=$!
    disown "$pid" 2>/dev/null || true
    printf '%s %s\n' "$pid" "$(start_time_of "$pid")" >"$pidfile"
}

# stop_daemon PIDFILE NAME [SECONDS]: SIGTERM, then SIGKILL; harmless when it does not run.
stop_daemon() {
    local pidfile=$1 name=$2 limit=${3:-10} pid
    if pid=$(running_pid "$pidfile"); then
        say "stopping $name (pid $pid)"
        kill -TERM "$pid" 2>/dev/null || true
        local deadline=$((SECONDS + limit))
        while running_pid "$pidfile" >/dev/null; do
            if ((SECONDS >= deadline)); then
                say "$name did not end within $limit s: SIGKILL"
                kill -KILL "$pid" 2>/dev/null || true
                sleep 0.2
                break
            fi
            sleep 0.1
        done
    fi
    rm -f -- "$pidfile"
}

# ---------------------------------------------------------------- what a run leaves behind

# marked_processes MARK: pids that carry MARK (NAME=VALUE) in their environment, and all that descend from them.
# The mark is inherited, so this finds exactly what one run started, also when it lost its parent.
marked_processes() {
    local mark=$1 dir pid line fields changed=1
    local -A found=() parent=()
    for dir in /proc/[0-9]*; do
        pid=${dir#/proc/}
        { read -r line <"$dir/stat"; } 2>/dev/null || continue
        read -ra fields <<<"${line##*) }"
        # this script and the subshell that asks are not what it left behind
        [[ $pid != "$$" && $pid != "$BASHPID" && ${fields[0]} != Z ]] || continue
        parent[$pid]=${fields[1]}
        if grep -qzxF -- "$mark" "$dir/environ" 2>/dev/null; then
            found[$pid]=1
        fi
    done
    # a container's process has an environment of its own: it is known as the child of its (marked) shim
    while ((changed)); do
        changed=0
        for pid in "${!parent[@]}"; do
            if [[ -z ${found[$pid]:-} && -n ${found[${parent[$pid]}]:-} ]]; then
                found[$pid]=1
                changed=1
            fi
        done
    done
    ((${#found[@]} == 0)) || printf '%s\n' "${!found[@]}"
}

# end_marked_processes MARK: SIGTERM, two seconds, SIGKILL.
end_marked_processes() {
    local mark=$1 signal
    local -a pids
    for signal in TERM KILL; do
        mapfile -t pids < <(marked_processes "$mark")
        ((${#pids[@]} > 0)) || return 0
        say "ending ${#pids[@]} left processes (SIG$signal): ${pids[*]}"
        kill "-$signal" "${pids[@]}" 2>/dev/null || true
        local deadline=$((SECONDS + 2)) pid alive=1
        while ((alive && SECONDS <= deadline)); do
            alive=0
            for pid in "${pids[@]}"; do
                [[ ! -d /proc/$pid ]] || alive=1
            done
            sleep 0.1
        done
    done
}

# unmount_below FOLDER: everything mounted there, deepest first.
unmount_below() {
    local folder=$1 target
    awk -v f="$folder/" 'index($5, f) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r target; do
        umount -l -- "$(printf '%b' "$target")" 2>/dev/null || true
    done
}
