#!/usr/bin/env bash
# A mapper: the small program beside a device that speaks the device's language on one side and MQTT on the other.
# This one drives a simulated thermometer with a heater. It publishes the reading, follows the wished target, and knows
# nothing of the cloud: it goes on just the same when there is none.
#
#   ./thermometer-mapper.sh [-h BROKER] [-p PORT] [-n NAMESPACE] [-d DEVICE] [-i SECONDS] [-c READINGS]
#
#   -i  seconds between readings (1)      -c  end after so many readings (0: never)
#
# Topics (KubeEdge's), below $hw/events/device/NAMESPACE/DEVICE:
#   twin/update         out  what the device reads and does
#   twin/update/delta   in   what is wished and not yet so
#   twin/get, .../result     asked once at the start: a wish made while this program was away
# Needs mosquitto-clients and jq.
set -euo pipefail

host=127.0.0.1 port=1883 namespace=default device=living-room interval=1 count=0
while getopts h:p:n:d:i:c: option; do
    case $option in
    h) host=$OPTARG ;;
    p) port=$OPTARG ;;
    n) namespace=$OPTARG ;;
    d) device=$OPTARG ;;
    i) interval=$OPTARG ;;
    c) count=$OPTARG ;;
    *) sed -n '6,8s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
    esac
done

# shellcheck disable=SC2016 # $hw is the topic's name, no variable
base='$hw/events/device/'"$namespace/$device"
temperature=18.0 # what the room has
target=18.0      # what the heater holds

now_ms() { printf '%s' "$((${EPOCHREALTIME/[.,]/} / 1000))"; }

publish() { mosquitto_pub -h "$host" -p "$port" -q 1 -t "$1" -m "$2"; }

# One message with both properties: the agent keeps each with its time and sends it up when there is a link.
report() {
    publish "$base/twin/update" "$(jq -cn --argjson now "$(now_ms)" --arg temperature "$temperature" --arg target "$target" '
        def actual($value): { actual: { value: $value, metadata: { timestamp: $now } }, metadata: { type: "float" } };
        { event_id: "", timestamp: $now,
          twin: { temperature: actual($temperature), "target-temperature": actual($target) } }')"
}

# The wished target in a delta or in the answer of twin/get; empty when the message has none.
wish_in() {
    jq -r '(.delta["target-temperature"] // .twin["target-temperature"].expected.value) // empty' <<<"$1" 2>/dev/null || true
}

apply() {
    local wish
    wish=$(wish_in "$1")
    if [[ $wish =~ ^-?[0-9]+(\.[0-9]+)?$ && $wish != "$target" ]]; then
        target=$wish
        printf '%s  the heater now holds %s\n' "$(date +%T)" "$target"
        report
    fi
}

# The room goes a third of the way to the target with every reading, give or take the sensor's noise.
read_sensor() {
    temperature=$(awk -v t="$temperature" -v g="$target" -v n="$RANDOM" 'BEGIN { printf "%.1f", t + (g - t) / 3 + (n % 3 - 1) / 10 }')
}

coproc WISHES {
    while :; do
        mosquitto_sub -h "$host" -p "$port" -q 1 -t "$base/twin/update/delta" -t "$base/twin/get/result" || true
        sleep 1 # the broker is away: try again
    done
}
# shellcheck disable=SC2153 # coproc sets it
wishes_pid=$WISHES_PID
# the subscriber is a child of the coprocess, so both have to go
end() {
    trap - EXIT INT TERM
    pkill -P "$wishes_pid" 2>/dev/null || true
    kill "$wishes_pid" 2>/dev/null || true
    exit 0
}
trap end EXIT INT TERM

publish "$base/state/update" "{\"event_id\":\"\",\"timestamp\":$(now_ms),\"state\":\"online\"}" || true
readings=0
next=0
while :; do
    if (($(now_ms) >= next)); then
        next=$(($(now_ms) + interval * 1000))
        read_sensor
        if report; then
            printf '%s  %s °C (target %s)\n' "$(date +%T)" "$temperature" "$target"
        fi
        # asked after the first reading, when the subscription stands
        ((readings > 0)) || publish "$base/twin/get" "{\"event_id\":\"start\",\"timestamp\":$(now_ms)}" || true
        ((++readings != count)) || exit 0
    fi
    if IFS= read -r -t 0.2 message <&"${WISHES[0]}"; then
        apply "$message"
    fi
done
