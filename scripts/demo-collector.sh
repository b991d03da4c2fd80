#!/bin/sh
# The process of the samples' demo image: stands for a log collector. It says what it sees, and ends at once when asked.
trap 'echo "collector: asked to end"; exit 0' TERM INT
echo "collector: on node ${NODE_NAME:-unknown}, configuration ${FLUENTD_CONF:-none}"
while :; do
    if [ -r "${FLUENTD_CONF:-/nonexistent}" ]; then
        set -- /var/log/*
        echo "collector: $(wc -l <"$FLUENTD_CONF") lines of configuration, $# entries in /var/log"
    fi
    # in the background, so that the signal is taken at once and not after the sleep
    sleep 10 &
    wait $!
done
