# shellcheck shell=bash
# One edge box's surroundings, all in a folder of its own: containerd, two small images, a CNI network, an MQTT broker.
# Sourced after lib.sh. The caller sets SITE (the folder), BRIDGE (the pods' bridge interface), SUBNET (x.y.z, a /24)
# and MQTT_PORT.

readonly PAUSE_IMAGE=edgesync.local/pause:1
readonly CRI_SOCKET_OF_SITE=containerd/containerd.sock

cri_socket() { printf '%s/%s\n' "$SITE" "$CRI_SOCKET_OF_SITE"; }

site_ctr() { ctr --address "$(cri_socket)" --namespace k8s.io "$@"; }

# overlayfs unless the folder lies on a file system that cannot carry it (an overlay itself, for one)
snapshotter() {
    local probe=$SITE/containerd/probe result=native
    mkdir -p "$probe"/{lower,upper,work,merged}
    if mount -t overlay overlay -o "lowerdir=$probe/lower,upperdir=$probe/upper,workdir=$probe/work" "$probe/merged" 2>/dev/null; then
        umount "$probe/merged"
        result=overlayfs
    fi
    rm -rf -- "$probe"
    printf '%s\n' "$result"
}

write_containerd_config() {
    local folder=$SITE/containerd
    mkdir -p "$folder"/{root,state,cni/conf,cni/leases}
    cat >"$folder/config.toml" <<TOML
version = 2
root = "$folder/root"
state = "$folder/state"
[grpc]
  address = "$(cri_socket)"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  # a root without CAP_SYS_RESOURCE (a container, some virtual machines) may not lower oom_score_adj
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  disable_tcp_service = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$(snapshotter)"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$folder/cni/conf"
TOML
    # no masquerading: the pods reach this machine, and no firewall rule is left behind
    cat >"$folder/cni/conf/10-pods.conflist" <<JSON
{ "cniVersion": "0.4.0", "name": "$BRIDGE",
  "plugins": [ { "type": "bridge", "bridge": "$BRIDGE", "isGateway": true,
                 "ipam": { "type": "host-local", "dataDir": "$folder/cni/leases",
                           "ranges": [[{ "subnet": "$SUBNET.0/24" }]], "routes": [{ "dst": "0.0.0.0/0" }] } } ] }
JSON
}

# import_images DEMO_IMAGE: makes and imports the sandbox image and the one that the samples run.
import_images() {
    local demo=$1 present archive
    present=$(site_ctr images ls -q)
    if grep -qxF -- "$PAUSE_IMAGE" <<<"$present" && grep -qxF -- "$demo" <<<"$present"; then
        say "images are there: $PAUSE_IMAGE, $demo"
        return
    fi
    "$ROOT/tests/TestKit/images/make-image.sh" "$PAUSE_IMAGE" "$SITE/pause.tar" --entrypoint sleep --cmd 2147483647
    "$ROOT/scripts/make-demo-image.sh" "$SITE/demo.tar"
    for archive in "$SITE/pause.tar" "$SITE/demo.tar"; do
        site_ctr images import --snapshotter "$(snapshotter)" "$archive" >/dev/null
        rm -f -- "$archive"
    done
    say "made and imported: $PAUSE_IMAGE, $demo"
}

write_mosquitto_config() {
    mkdir -p "$SITE/mosquitto"
    cat >"$SITE/mosquitto/mosquitto.conf" <<CONF
listener $MQTT_PORT 127.0.0.1
allow_anonymous true
persistence true
# without it a small message may wait 40 ms for the acknowledgement of the one before
set_tcp_nodelay true
# what comes while the agent is away is kept for it, all of it
max_queued_messages 0
persistence_location $SITE/mosquitto/
log_dest stderr
# the programs here run as root in a folder that only root may read
user root
CONF
}

# free_subnet: x.y.z of a /24 that no route of this machine covers
free_subnet() {
    local third routes
    routes=$(ip -4 route)
    for third in {210..250}; do
        if ! grep -q "10\.88\.$third\." <<<"$routes"; then
            printf '10.88.%s\n' "$third"
            return
        fi
    done
    die "no free /24 network for the pods between 10.88.210.0 and 10.88.250.0"
}
