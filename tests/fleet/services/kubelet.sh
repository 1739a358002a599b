#!/bin/sh
# What a kubelet binary of the fleet runs: kubelet VERSION STATE
case $2 in
crash)
    echo "E run.go: command failed: unknown flag: --removed-in-$1" >&2
    exit 1
    ;;
hang) exec sleep infinity ;;
esac
socat TCP-LISTEN:10248,bind=127.0.0.1,reuseaddr,fork EXEC:/usr/local/lib/fleet/healthz &
exec /usr/local/lib/fleet/report kubelet "$1" "$2"
