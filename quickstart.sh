#!/usr/bin/env bash
# Shows EdgeSync's main job on this one machine: a hub, an edge node with its own containerd and MQTT broker, a DaemonSet
# applied with kubectl that runs at the edge, and a thermometer whose twin is seen and set from the cloud.
#
#   sudo ./quickstart.sh        installs what is missing, builds, starts, shows; leaves it all running
#   sudo ./quickstart.sh down   stops and removes everything that it started
#
# A second run keeps what still runs and starts the rest; programs that were built anew are started again, their pods
# run on meanwhile. Everything lives in .quickstart/ (EDGESYNC_QUICKSTART_DIR names another folder); nothing of
# /etc/containerd, /etc/mosquitto or a Kubernetes on this machine is touched. Ports, each with its variable:
# 6443 (API_PORT), 10000 (HUB_PORT), 1883 (MQTT_PORT), 10550 (META_PORT); a taken one is replaced by the next free one.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/scripts/lib.sh"
# shellcheck source=scripts/edge-site.sh
source "$ROOT/scripts/edge-site.sh"

PATH=$PATH:/usr/sbin:/sbin
SITE=${EDGESYNC_QUICKSTART_DIR:-$ROOT/.quickstart}
NODE=${EDGE_NODE:-edge-1}
readonly SITE NODE
readonly CLOUD=$SITE/cloud EDGE=$SITE/edge LOGS=$SITE/logs RUN=$SITE/run MARKER=.edgesync-quickstart
readonly CLOUDCORE=$ROOT/out/cloudcore/cloudcore EDGECORE=$ROOT/out/edgecore/edgecore
readonly EDGE_LOG=$EDGE/edgecore.log MARK_NAME=EDGESYNC_QUICKSTART_SITE
DEMO_IMAGE=$(awk '$1 == "image:" { print $2; exit }' "$ROOT/samples/fluentd-daemonset.yaml")
# shellcheck disable=SC2016 # $hw is a topic's name
readonly DEMO_IMAGE TWIN_TOPIC='$hw/events/device/default/living-room/twin/update'

# every process that is started from here inherits it; `down` finds by it what lost its pid file
export EDGESYNC_QUICKSTART_SITE=$SITE
export KUBECONFIG=$CLOUD/admin.kubeconfig

# ---------------------------------------------------------------- the ground

prepare_folder() {
    # a unix socket's path has at most 107 bytes
    ((${#SITE} <= 70)) || die "the path $SITE is too long for the sockets in it: set EDGESYNC_QUICKSTART_DIR to a short one"
    if [[ -d $SITE && ! -e $SITE/$MARKER && -n $(ls -A "$SITE") ]]; then
        die "$SITE is not empty and not the quickstart's: set EDGESYNC_QUICKSTART_DIR to another folder"
    fi
    mkdir -p "$SITE" "$LOGS" "$RUN"
    chmod 700 "$SITE" # keys and kubeconfigs lie in it
    : >"$SITE/$MARKER"
}

# The ports and the pods' network are chosen once and kept for later runs.
choose_network() {
    if [[ -f $SITE/network.env ]]; then
        # shellcheck source=/dev/null
        source "$SITE/network.env"
        say "as in the run before: API $API_PORT, hub $HUB_PORT, MQTT $MQTT_PORT, twin queries $META_PORT"
        return
    fi
    local name wanted port
    for name in API_PORT:6443 HUB_PORT:10000 MQTT_PORT:1883 META_PORT:10550; do
        wanted=${name#*:} name=${name%:*}
        wanted=${!name:-$wanted}
        port=$(choose_port "$wanted")
        printf -v "$name" '%s' "$port"
        [[ $port == "$wanted" ]] || say "port $wanted is taken: $name=$port"
    done
    BRIDGE=esq$(printf '%s' "$SITE" | cksum | cut -c1-8) # an interface's name has at most 15 bytes
    SUBNET=$(free_subnet)
    printf '%s\n' "API_PORT=$API_PORT" "HUB_PORT=$HUB_PORT" "MQTT_PORT=$MQTT_PORT" "META_PORT=$META_PORT" \
        "BRIDGE=$BRIDGE" "SUBNET=$SUBNET" >"$SITE/network.env"
    say "API $API_PORT, hub $HUB_PORT, MQTT $MQTT_PORT, twin queries $META_PORT, pods in $SUBNET.0/24 on $BRIDGE"
}

# run_daemon NAME COMMAND...: keeps it when it runs already.
run_daemon() {
    local name=$1 pid
    shift
    if pid=$(running_pid "$RUN/$name.pid"); then
        say "$name runs already (pid $pid)"
        return
    fi
    start_daemon "$RUN/$name.pid" "$LOGS/$name.log" "$@"
    say "$name started (pid $(cut -d' ' -f1 "$RUN/$name.pid"), log ${LOGS#"$ROOT/"}/$name.log)"
}

# A program that was built anew has to start again; its old file is gone by then.
stop_if_replaced() {
    local name=$1 pid
    if pid=$(running_pid "$RUN/$name.pid") && [[ $(readlink "/proc/$pid/exe") == *' (deleted)' ]]; then
        say "$name was built anew"
        stop_daemon "$RUN/$name.pid" "$name"
    fi
}

# wait_daemon NAME SECONDS WHAT COMMAND...: dies at once when the daemon ends.
wait_daemon() {
    local name=$1 limit=$2 what=$3
    shift 3
    WAIT_PIDFILE=$RUN/$name.pid wait_for "$limit" "$what" "$LOGS/$name.log" "$@"
}

start_surroundings() {
    [[ -f $SITE/containerd/config.toml ]] || write_containerd_config
    run_daemon containerd containerd --config "$SITE/containerd/config.toml"
    wait_daemon containerd 30 "containerd answers" site_ctr version
    import_images "$DEMO_IMAGE"
    write_mosquitto_config
    run_daemon mosquitto mosquitto -c "$SITE/mosquitto/mosquitto.conf"
    wait_daemon mosquitto 10 "mosquitto answers" mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -t quickstart -m hello
}

# ---------------------------------------------------------------- the two programs

start_cloudcore() {
    if [[ ! -f $KUBECONFIG ]]; then
        show "$CLOUDCORE" init --data-dir "$CLOUD" --advertise-address 127.0.0.1 --api-port "$API_PORT" --hub-port "$HUB_PORT"
    fi
    stop_if_replaced cloudcore
    run_daemon cloudcore "$CLOUDCORE" run --data-dir "$CLOUD"
    wait_daemon cloudcore 30 "cloudcore is ready" curl -fsSk --max-time 2 "https://127.0.0.1:$API_PORT/readyz"
}

start_edgecore() {
    [[ -f $EDGE/edgecore.yaml ]] || join_node
    stop_if_replaced edgecore
    if ! running_pid "$RUN/edgecore.pid" >/dev/null; then
        # chosen at the start; another program may have come since then
        META_PORT=$(choose_port "$META_PORT")
        sed -i "s/^META_PORT=.*/META_PORT=$META_PORT/" "$SITE/network.env"
        sed -i -E "/metaServer:/,/server:/s/(127\.0\.0\.1):[0-9]+/\1:$META_PORT/" "$EDGE/edgecore.yaml"
    fi
    join_node --start
    local pid
    pid=$(<"$EDGE/edgecore.pid")
    printf '%s %s\n' "$pid" "$(start_time_of "$pid")" >"$RUN/edgecore.pid"
}

# The token goes through a pipe: a command line can be read by every user of the machine.
join_node() {
    local command=(join "--cloudcore-ipport=127.0.0.1:$HUB_PORT" --token=- "--node-name=$NODE" --data-dir "$EDGE"
        --remote-runtime-endpoint "unix://$(cri_socket)" --mqtt-server "tcp://127.0.0.1:$MQTT_PORT" "$@")
    say "\$ cloudcore gettoken … | edgecore ${command[*]//"$ROOT/"/}"
    # into a file: a pipe would be held open by the agent, should it keep one end
    "$CLOUDCORE" gettoken --data-dir "$CLOUD" | timeout 90 "$EDGECORE" "${command[@]}" >"$LOGS/join.log" 2>&1 ||
        die "edgecore join failed" "$LOGS/join.log"
    sed 's/^/     /' "$LOGS/join.log"
}

# ---------------------------------------------------------------- what is shown

# says FIELD WANTED COMMAND...: the command's output is (or holds) what is wanted
prints() {
    local wanted=$1
    shift
    [[ $("$@" 2>/dev/null) == *"$wanted"* ]]
}

node_condition() {
    kubectl get node "$NODE" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
}

fluentd_pods() { kubectl -n kube-system get pods -l app.kubernetes.io/name=fluentd "$@"; }

show_daemonset() {
    show kubectl apply -f "$ROOT/samples/fluentd-daemonset.yaml"
    wait_for 90 "the DaemonSet's pod runs on $NODE" "$EDGE_LOG" \
        prints Running fluentd_pods -o 'jsonpath={.items[*].status.phase}'
    show kubectl -n kube-system get daemonset,pods -o wide
    say "the same, as the edge node's containerd sees it:"
    show ctr --address "$(cri_socket)" -n k8s.io containers ls
    show ctr --address "$(cri_socket)" -n k8s.io tasks ls
}

reported_temperature() {
    kubectl get device living-room -o 'jsonpath={.status.twins[?(@.propertyName=="temperature")].reported.value}'
}

twin_over_http() { curl -fsS --max-time 2 "http://127.0.0.1:$META_PORT/twins/default/living-room"; }

twin_over_mqtt() {
    mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -t "${TWIN_TOPIC%update}get/result" -C 1 -W 5 &
    local subscriber=$!
    sleep 0.3
    mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -t "${TWIN_TOPIC%update}get" -m '{"event_id":"quickstart","timestamp":0}'
    wait "$subscriber"
}

show_twin() {
    show kubectl apply -f "$ROOT/samples/thermometer-model.yaml"
    sed "s/nodeName: edge-1/nodeName: $NODE/" "$ROOT/samples/thermometer-device.yaml" >"$SITE/thermometer-device.yaml"
    show kubectl apply -f "$SITE/thermometer-device.yaml"
    wait_for 30 "the edge node knows the device" "$EDGE_LOG" twin_over_http
    say "a mapper publishes readings, by mosquitto_pub, to $TWIN_TOPIC"
    run_daemon mapper "$ROOT/samples/thermometer-mapper.sh" -p "$MQTT_PORT"
    wait_for 30 "the reading has come to the API" "$LOGS/cloudcore.log" prints . reported_temperature
    say "the reading, through kubectl:  $(reported_temperature) °C"
    say "… at the edge, over HTTP:      $(twin_over_http | jq -c .)"
    say "… at the edge, over MQTT:      $(twin_over_mqtt | jq -c '.twin.temperature.actual // .')"
}

show_desired() {
    local wished=23.5 delta=$SITE/delta.json subscriber
    [[ $(kubectl get device living-room -o jsonpath='{.spec.properties[1].desired.value}') != "$wished" ]] || wished=21.5
    mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -q 1 -t "$TWIN_TOPIC/delta" -C 1 -W 20 >"$delta" &
    subscriber=$!
    sleep 0.3
    show kubectl patch device living-room --type json \
        -p '[{"op":"replace","path":"/spec/properties/1/desired/value","value":"'"$wished"'"}]'
    wait "$subscriber" || die "no message on $TWIN_TOPIC/delta within 20 s" "$EDGE_LOG"
    say "at the edge, on $TWIN_TOPIC/delta: $(jq -c .delta "$delta")"
    wait_for 20 "the mapper took it over" "$LOGS/mapper.log" grep -q "holds $wished" "$LOGS/mapper.log"
}

how_to_go_on() {
    step "It all runs. Go on by hand:"
    cat <<TEXT
   export KUBECONFIG=$KUBECONFIG
   kubectl get nodes,pods -A -o wide
   kubectl get devices -o yaml
   curl -s http://127.0.0.1:$META_PORT/twins/default/living-room | jq .
   tail -f $EDGE_LOG

   With no cloud: stop cloudcore, end the container, and see it come back.
   kill -9 $(cut -d' ' -f1 "$RUN/cloudcore.pid")
   alias ectr='ctr --address $(cri_socket) -n k8s.io'
   ectr tasks ls; ectr tasks kill -s SIGKILL TASK; ectr tasks ls

   ./quickstart.sh         starts again what is missing
   ./quickstart.sh down    ends and removes all of it
TEXT
}

up() {
    local started=$EPOCHREALTIME
    step "1. What this machine needs"
    install_missing "${LINKER[@]}" containerd ctr runc /usr/lib/cni/bridge mosquitto mosquitto_pub busybox curl jq ip tar kubectl
    require_dotnet
    step "2. Build"
    "$ROOT/build.sh"
    step "3. An edge box's surroundings: containerd, images, MQTT broker, all in ${SITE#"$ROOT/"}"
    prepare_folder
    choose_network
    start_surroundings
    step "4. The cloud side: cloudcore, a hub with a Kubernetes API of its own"
    start_cloudcore
    step "5. The edge side: edgecore joins as node $NODE"
    start_edgecore
    WAIT_PIDFILE=$RUN/edgecore.pid wait_for 60 "kubectl sees the node Ready" "$EDGE_LOG" prints True node_condition
    show kubectl get nodes -o wide
    step "6. A DaemonSet, applied in the cloud, runs at the edge"
    show_daemonset
    step "7. A device: its twin in the cloud and at the edge"
    show_twin
    step "8. A wish of the cloud reaches the device"
    show_desired
    how_to_go_on
    say ""
    say "(this run took $(seconds_since "$started") s)"
}

# ---------------------------------------------------------------- the end of it

remove_containers() {
    local id
    for id in $(site_ctr tasks ls -q 2>/dev/null); do
        site_ctr tasks kill --all --signal SIGKILL "$id" >/dev/null 2>&1 || true
    done
    for id in $(site_ctr tasks ls -q 2>/dev/null); do
        timeout 10 "$(command -v ctr)" --address "$(cri_socket)" -n k8s.io tasks delete --force "$id" >/dev/null 2>&1 || true
    done
    for id in $(site_ctr containers ls -q 2>/dev/null); do
        site_ctr containers delete "$id" >/dev/null 2>&1 || true
    done
}

down() {
    if [[ ! -e $SITE/$MARKER ]]; then
        say "nothing to do: no quickstart in $SITE"
        return
    fi
    [[ ! -f $SITE/network.env ]] || {
        # shellcheck source=/dev/null
        source "$SITE/network.env"
    }
    stop_daemon "$RUN/mapper.pid" "the mapper"
    stop_daemon "$RUN/edgecore.pid" edgecore 20
    if running_pid "$RUN/containerd.pid" >/dev/null; then
        if [[ -f $EDGE/edgecore.yaml && -x $EDGECORE ]]; then
            say "edgecore reset: the node's pods go"
            timeout 60 "$EDGECORE" reset --data-dir "$EDGE" --force >>"$LOGS/reset.log" 2>&1 || say "edgecore reset did not end well: see what follows"
        fi
        remove_containers
    fi
    stop_daemon "$RUN/cloudcore.pid" cloudcore 20
    stop_daemon "$RUN/mosquitto.pid" mosquitto
    stop_daemon "$RUN/containerd.pid" containerd
    end_marked_processes "$MARK_NAME=$SITE"
    unmount_below "$SITE"
    if [[ -n ${BRIDGE:-} ]]; then
        ip link delete "$BRIDGE" 2>/dev/null || true
        rm -f -- "/var/lib/cni/results/$BRIDGE-"* "/var/lib/cni/cache/results/$BRIDGE-"*
    fi
    rm -rf -- "$SITE"
    say "removed ${SITE#"$ROOT/"}; built programs and installed packages stay"
}

case ${1:-up} in
up)
    require_root ./quickstart.sh
    up
    ;;
down)
    require_root "./quickstart.sh down"
    step "Ending the quickstart"
    down
    ;;
*)
    sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
