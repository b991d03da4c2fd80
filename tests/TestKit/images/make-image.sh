#!/bin/sh
# Makes a container image archive (OCI layout in a tar) without a registry or an image builder.
#
#   make-image.sh NAME:TAG OUT.tar [--rootfs DIR] [--entrypoint ARG]... [--cmd ARG]... [--env KEY=VALUE]...
#                 [--user USER] [--workdir DIR]
#
# Without --rootfs the image holds the machine's static busybox and its applets. Load the archive with
#   ctr -n k8s.io images import OUT.tar
set -eu

fail() {
  echo "make-image.sh: $1" >&2
  exit 2
}

[ $# -ge 2 ] || fail "usage: make-image.sh NAME:TAG OUT.tar [--rootfs DIR] [--entrypoint ARG]... [--cmd ARG]... [--env KEY=VALUE]... [--user USER] [--workdir DIR]"
name=$1
out=$2
shift 2
case $name in
  *:*) ;;
  *) fail "the image's name needs a tag: $name:TAG" ;;
esac

quote() {
  # one JSON string; control characters do not occur in what an image is configured with
  printf '"%s"' "$(printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g')"
}

rootfs=
entrypoint=
cmd=
env=$(quote "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
user=
workdir=/
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || fail "$1 needs a value"
  case $1 in
    --rootfs) rootfs=$2 ;;
    --entrypoint) entrypoint=${entrypoint:+$entrypoint,}$(quote "$2") ;;
    --cmd) cmd=${cmd:+$cmd,}$(quote "$2") ;;
    --env) env=$env,$(quote "$2") ;;
    --user) user=$2 ;;
    --workdir) workdir=$2 ;;
    *) fail "unknown option: $1" ;;
  esac
  shift 2
done

case $(uname -m) in
  x86_64) arch=amd64 ;;
  aarch64) arch=arm64 ;;
  armv7l) arch=arm ;;
  *) arch=$(uname -m) ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -z "$rootfs" ]; then
  busybox=$(command -v busybox) || fail "no busybox here: install busybox-static, or give --rootfs"
  rootfs=$work/rootfs
  mkdir -p "$rootfs/bin" "$rootfs/etc" "$rootfs/proc" "$rootfs/sys" "$rootfs/dev" "$rootfs/var/log"
  mkdir -m 1777 "$rootfs/tmp"
  cp "$busybox" "$rootfs/bin/busybox"
  for applet in $("$busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$rootfs/bin/$applet"
  done
  echo "root:x:0:0:root:/:/bin/sh" >"$rootfs/etc/passwd"
  echo "root:x:0:" >"$rootfs/etc/group"
fi
[ -d "$rootfs" ] || fail "no such folder: $rootfs"

blobs=$work/image/blobs/sha256
mkdir -p "$blobs"

# moves a file to its place among the blobs; says its digest and its size
add_blob() {
  digest=$(sha256sum "$1" | cut -d ' ' -f 1)
  size=$(wc -c <"$1" | tr -d ' ')
  mv "$1" "$blobs/$digest"
}

tar -C "$rootfs" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf "$work/layer" .
add_blob "$work/layer"
layer=$digest
layer_size=$size

cat >"$work/config" <<JSON
{"architecture":"$arch","os":"linux","config":{"Env":[$env],"Entrypoint":[$entrypoint],"Cmd":[$cmd],"User":$(quote "$user"),"WorkingDir":$(quote "$workdir")},"rootfs":{"type":"layers","diff_ids":["sha256:$layer"]},"history":[{"created_by":"make-image.sh"}]}
JSON
add_blob "$work/config"

cat >"$work/manifest" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$digest","size":$size},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:$layer","size":$layer_size}]}
JSON
add_blob "$work/manifest"

cat >"$work/image/index.json" <<JSON
{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$digest","size":$size,"annotations":{"io.containerd.image.name":$(quote "$name"),"org.opencontainers.image.ref.name":$(quote "${name##*:}")},"platform":{"architecture":"$arch","os":"linux"}}]}
JSON
echo '{"imageLayoutVersion":"1.0.0"}' >"$work/image/oci-layout"
tar -C "$work/image" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf "$out" oci-layout index.json blobs
