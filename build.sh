#!/usr/bin/env bash
# Builds the two programs, Release, for this machine's processor: out/edgecore/edgecore is one native program, which needs
# no .NET on the box (but this machine's C library or a newer one); out/cloudcore/cloudcore is compiled ahead and needs
# the .NET 10 runtime. Does nothing when no source is newer than they are.
#
#   ./build.sh           builds what changed
#   ./build.sh --force   builds in any case
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/scripts/lib.sh"
cd "$ROOT"

runtime_identifier() {
    case $(uname -m) in
    x86_64) echo linux-x64 ;;
    aarch64) echo linux-arm64 ;;
    *) die "no build for the processor $(uname -m): x86_64 and aarch64 are known" ;;
    esac
}

# Folders count too: their time changes when a file is removed or renamed.
up_to_date() {
    [[ -x out/cloudcore/cloudcore && -x out/edgecore/edgecore && -f out/.built ]] || return 1
    [[ -z $(find src build.sh global.json Directory.*.props .editorconfig \
        \( -name bin -o -name obj \) -prune -o -newer out/.built -print -quit) ]]
}

# publish PROJECT NAME OPTION...
publish() {
    local project=$1 name=$2 fresh
    shift 2
    # never write into the files of a program that may be running: fill a new folder and swap it in
    fresh=$(mktemp -d "out/.$name.XXXXXX")
    chmod 755 "$fresh"
    dotnet publish "src/$project" -c Release -r "$(runtime_identifier)" "$@" -p:PublishDocumentationFiles=false \
        -p:PublishReferencesDocumentationFiles=false -p:StaticWebAssetsEnabled=false -o "$fresh" --nologo -v quiet </dev/null || {
        rm -rf -- "$fresh"
        die "the build of $project failed: see above"
    }
    if [[ -d out/$name ]]; then
        mv -T -- "out/$name" "$fresh.old"
    fi
    mv -T -- "$fresh" "out/$name"
    rm -rf -- "$fresh.old"
}

require_dotnet
require_linker
if [[ ${1:-} != --force ]] && up_to_date; then
    say "out/cloudcore/cloudcore and out/edgecore/edgecore are up to date"
    exit 0
fi

mkdir -p out
# one build at a time in one checkout; what an interrupted one left goes
exec 9>out/.lock
flock 9
rm -rf -- out/.built.* out/.cloudcore.* out/.edgecore.*
started=$EPOCHREALTIME
stamp=$(mktemp out/.built.XXXXXX) # its time is the build's begin: what changes meanwhile is built next time
publish CloudCore cloudcore --self-contained false -p:PublishReadyToRun=true
# its symbols are as large as itself twice over: they stay in obj/
publish EdgeCore edgecore -p:PublishAot=true -p:CopyOutputSymbolsToPublishDirectory=false \
    -p:AllowedReferenceRelatedFileExtensions=none
mv -- "$stamp" out/.built
say "built in $(seconds_since "$started") s: out/cloudcore/cloudcore, out/edgecore/edgecore"
