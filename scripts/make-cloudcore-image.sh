#!/usr/bin/env bash
# Makes the hub's image for deploy/cloud/cloudcore.yaml, with no registry and no Docker: what ./build.sh made, on this machine's own .NET runtime and
# the libraries that they need.
#
#   make-cloudcore-image.sh OUT.tar
#
# Load it on each machine that may run the hub with: ctr -n k8s.io images import OUT.tar; or push it to a registry of yours.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:?usage: make-cloudcore-image.sh OUT.tar}
root=$here/..
program=$root/out/cloudcore
[[ -x $program/cloudcore ]] || { echo "$program/cloudcore is not there: run ./build.sh first" >&2; exit 1; }
# the name that containerd gives to edgesync/cloudcore:0.1.0
name=docker.io/$(awk '$1 == "image:" { print $2; exit }' "$root/deploy/cloud/cloudcore.yaml")
dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")

rootfs=$(mktemp -d)
trap 'rm -rf -- "$rootfs"' EXIT
chmod 755 "$rootfs" # it becomes the container's /
mkdir -p "$rootfs"/{etc,proc,sys,dev,opt,usr/bin,usr/lib,usr/share/dotnet,var/lib/edgesync-cloud} "$rootfs"/{tmp,var/tmp}
chmod 1777 "$rootfs"/{tmp,var/tmp}
for folder in bin sbin lib lib64; do
    ln -s "usr/${folder/sbin/bin}" "$rootfs/$folder"
done
mkdir -p "$rootfs/usr/lib64"
printf 'root:x:0:0::/:/sbin/nologin\ncloudcore:x:65532:65532::/:/sbin/nologin\n' > "$rootfs/etc/passwd"
printf 'root:x:0:\ncloudcore:x:65532:\n' > "$rootfs/etc/group"
printf 'hosts: files dns\n' > "$rootfs/etc/nsswitch.conf"

cp -r -- "$program" "$rootfs/opt/cloudcore"
ln -s /opt/cloudcore/cloudcore "$rootfs/usr/bin/cloudcore"
cp -r -- "$dotnet/host" "$rootfs/usr/share/dotnet/"
mkdir -p "$rootfs/usr/share/dotnet/shared"
# the newest of each that the program may run on
for framework in Microsoft.NETCore.App Microsoft.AspNetCore.App; do
    version=$(find "$dotnet/shared/$framework" -mindepth 1 -maxdepth 1 -name '10.*' -printf '%f\n' | sort -V | tail -1)
    [[ -n $version ]] || { echo "$framework 10 is not below $dotnet: install aspnetcore-runtime-10.0" >&2; exit 1; }
    mkdir -p "$rootfs/usr/share/dotnet/shared/$framework"
    cp -r -- "$dotnet/shared/$framework/$version" "$rootfs/usr/share/dotnet/shared/$framework/"
done

# what they are linked to, and what the runtime opens by name
libraries() {
    find "$rootfs/opt" "$rootfs/usr/share/dotnet" -type f \( -name '*.so' -o -name cloudcore \) -print0 | xargs -0 ldd 2>/dev/null |
        awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\/.*ld-/ { print $1 }'
    /sbin/ldconfig -p | awk '/lib(ssl|crypto)\.so\.3 |libsqlite3\.so\.0 |libnss_(dns|files)\.so\.2 |libresolv\.so\.2 / { print $NF }'
}
libraries | sort -u | while read -r library; do
    case $library in
    "$rootfs"/* | */dotnet/*) ;; # its own
    *)
        target=$rootfs/usr/${library#/}
        target=${target/\/usr\/usr\//\/usr\/}
        mkdir -p "$(dirname "$target")"
        [[ -e $target ]] || cp -L -- "$library" "$target"
        ;;
    esac
done

"$root/tests/TestKit/images/make-image.sh" "$name" "$out" --rootfs "$rootfs" --entrypoint /usr/bin/cloudcore --user 65532:65532
