#!/usr/bin/env bash
# Makes the image that the samples run: busybox and demo-collector.sh, under the name that the samples give it.
#
#   make-demo-image.sh OUT.tar
#
# Load it with: ctr -n k8s.io images import OUT.tar
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:?usage: make-demo-image.sh OUT.tar}
name=$(awk '$1 == "image:" { print $2; exit }' "$here/../samples/fluentd-daemonset.yaml")

rootfs=$(mktemp -d)
trap 'rm -rf -- "$rootfs"' EXIT
chmod 755 "$rootfs" # it becomes the container's /
mkdir -p "$rootfs"/{bin,tmp,etc,proc,sys,dev,var/log}
cp -- "$(readlink -f "$(PATH=$PATH:/usr/sbin:/sbin command -v busybox)")" "$rootfs/bin/busybox"
for applet in sh cat ls sleep date env wc hostname ip wget; do
    ln -s busybox "$rootfs/bin/$applet"
done
install -m 755 "$here/demo-collector.sh" "$rootfs/bin/collector"

"$here/../tests/TestKit/images/make-image.sh" "$name" "$out" --rootfs "$rootfs" --entrypoint /bin/collector
