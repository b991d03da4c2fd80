#!/usr/bin/env bash
# Runs every test that this machine can run. The last line is "N passed, N failed, N skipped".
#
#   ./test.sh                    all but the long ones
#   ./test.sh --long             the long ones too
#   ./test.sh --project NAME     one test project (EdgeCore.Tests, …); may be given several times
#   ./test.sh --filter FILTER    dotnet test's filter, added to the one for long tests
#
# Tests that need a part which is not there (root, containerd, a Kubernetes control plane in KUBEBUILDER_ASSETS)
# are skipped, and say why.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/scripts/lib.sh"
cd "$ROOT"

PATH=$PATH:/usr/sbin:/sbin
readonly CONFIGURATION=Release RESULTS=$ROOT/out/test-results
# projects that run at a time: most tests wait for something else. The one that drives whole sites of real programs, with
# time limits of their own, has the machine for itself.
readonly LANES=2 ALONE=Integration.Tests
# a test that hangs is ended after this time, and its project counts as failed
readonly HANG_TIMEOUT=${TEST_HANG_TIMEOUT:-5m} PROJECT_TIMEOUT=${TEST_PROJECT_TIMEOUT:-15m} LONG_TIMEOUT=2h

filter='Category!=Long'
project_timeout=$PROJECT_TIMEOUT
selected=()
while (($# > 0)); do
    case $1 in
    --long)
        filter=''
        project_timeout=$LONG_TIMEOUT
        ;;
    --project | --filter)
        (($# > 1)) || die "$1 needs a value"
        if [[ $1 == --project ]]; then
            selected+=("$2")
        else
            filter="${filter:+($filter)&}($2)"
        fi
        shift
        ;;
    *)
        sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
        exit 2
        ;;
    esac
    shift
done

# The runner logs the reason in the line after the skipped test's name.
print_skip_reasons() {
    local reasons
    reasons=$(awk '/\[SKIP\]$/ { getline; sub(/^\[[^]]*\] */, ""); print }' "$RESULTS"/*.log 2>/dev/null | sort | uniq -c)
    [[ -z $reasons ]] || printf '   skipped, and why:\n%s\n' "$reasons"
}

install_needs() {
    local needs=("${LINKER[@]}" containerd ctr runc /usr/lib/cni/bridge mosquitto mosquitto_pub busybox curl jq ip tar kubectl etcd faketime strace)
    if [[ $EUID -eq 0 ]] && has apt-get; then
        install_missing "${needs[@]}"
    else
        local packages
        packages=$(missing_packages "${needs[@]}" | tr '\n' ' ')
        [[ -z $packages ]] || say "not there, so tests that need them are skipped: $packages"
    fi
}

test_projects() {
    local project name
    for project in tests/*/*.csproj; do
        name=$(basename "$project" .csproj)
        if grep -q '<IsTestProject>true' "$project" && { ((${#selected[@]} == 0)) || [[ " ${selected[*]} " == *" $name "* ]]; }; then
            printf '%s\n' "$project"
        fi
    done
}

# counter NAME FILE: one number of a trx file's Counters
counter() {
    local value
    value=$(grep -o "<Counters [^>]*" "$2" | grep -o " $1=\"[0-9]*\"" | tr -dc 0-9) || true
    printf '%s\n' "${value:-0}"
}

passed=0 failed=0 skipped=0

# count NAME TRX EXIT: adds one project's results and prints them.
count() {
    local name=$1 trx=$2 status=$3 p=0 f=0 s=0
    if [[ -f $trx ]]; then
        p=$(counter passed "$trx")
        f=$(($(counter total "$trx") - p))
        # the runner counts skipped tests in the total only
        s=$(grep -c 'outcome="NotExecuted"' "$trx") || true
        f=$((f - s))
    fi
    if ((status != 0 && f == 0)); then
        # a crash, a hang or no result at all: never a success
        say "$name ended with exit code $status: counted as one failure"
        f=1
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    printf '   %-28s %5d passed, %3d failed, %3d skipped\n' "$name" "$p" "$f" "$s"
}

# run_tests NAME PROJECT: its log, its results and NAME.end with "EXIT SECONDS" in the results' folder.
run_tests() {
    local name=$1 project=$2 status=0 started=$EPOCHREALTIME
    timeout --signal TERM --kill-after 30s "$project_timeout" \
        dotnet test "$project" --no-build -c "$CONFIGURATION" --nologo ${filter:+--filter "$filter"} \
        --results-directory "$RESULTS" --logger "trx;LogFileName=$name.trx" --logger "console;verbosity=normal" \
        --blame-hang-timeout "$HANG_TIMEOUT" --blame-hang-dump-type none </dev/null >"$RESULTS/$name.log" 2>&1 || status=$?
    printf '%d %s\n' "$status" "$(seconds_since "$started")" >"$RESULTS/$name.end"
}

# report NAME: what failed, and the numbers.
report() {
    local name=$1 log=$RESULTS/$1.log status=1 seconds='?'
    [[ ! -f $RESULTS/$name.end ]] || read -r status seconds <"$RESULTS/$name.end"
    if ((status != 0)); then
        printf '\n--- %s: what failed (all of it: %s)\n' "$name" "${log#"$ROOT/"}"
        awk '/^ *(Failed|\[FAIL\]) /{on=1} /^ *(Passed|Skipped) /{on=0} on' "$log" | head -n 400
        grep -q '^ *Failed ' "$log" || tail -n 60 "$log"
    fi
    count "$name" "$RESULTS/$name.trx" "$status"
    say "$name took $seconds s"
}

declare -A running=()

# await_fewer N: waits until fewer than N projects run, and reports those that end.
await_fewer() {
    local pid
    while ((${#running[@]} >= $1)); do
        wait -n -p pid "${!running[@]}" || true
        report "${running[$pid]}"
        unset "running[$pid]"
    done
}

start_project() {
    local name
    name=$(basename "$1" .csproj)
    run_tests "$name" "$1" &
    running[$!]=$name
}

step "What this machine needs"
install_needs
require_dotnet

step "Build"
./build.sh
dotnet build EdgeSync.sln -c "$CONFIGURATION" --nologo -v quiet </dev/null || die "the build failed"
# the tests start the programs that ship
export EDGESYNC_OUT=$ROOT/out

# Everything that the tests start inherits it, so that what they leave behind can be found and ended: that, and no more.
EDGESYNC_TEST_RUN=$(cat /proc/sys/kernel/random/uuid)
export EDGESYNC_TEST_RUN
trap 'end_marked_processes "EDGESYNC_TEST_RUN=$EDGESYNC_TEST_RUN" >&2' EXIT

# a program that is killed would leave its debugger's sockets in /tmp
export DOTNET_EnableDiagnostics=0

step "Tests"
rm -rf -- "$RESULTS"
mkdir -p "$RESULTS"
mapfile -t projects < <(test_projects)
((${#projects[@]} > 0)) || die "no test project${selected[*]:+ named ${selected[*]}}"
for project in "${projects[@]}"; do
    [[ $project != */"$ALONE.csproj" ]] || continue
    await_fewer "$LANES"
    start_project "$project"
done
await_fewer 1
for project in "${projects[@]}"; do
    [[ $project == */"$ALONE.csproj" ]] || continue
    start_project "$project"
    await_fewer 1
done
print_skip_reasons

# what the tests left behind is ended before the last line, which stands alone
end_marked_processes "EDGESYNC_TEST_RUN=$EDGESYNC_TEST_RUN" >&2
trap - EXIT
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
((failed == 0 && passed + skipped > 0))
