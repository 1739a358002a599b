#!/bin/sh
# What a kube-apiserver binary of the fleet runs: apiserver VERSION STATE
#
# It listens on port 6443 of its host and passes everything on to its endpoint in the lab's API.
. /etc/fleet/host
case $2 in
crash)
    echo "E run.go: command failed: unknown flag: --removed-in-$1" >&2
    exit 1
    ;;
hang) exec sleep infinity ;;
esac
/usr/local/lib/fleet/report api "$1" "$2" &
socat TCP-LISTEN:6443,reuseaddr,fork,nodelay "TCP:$API,nodelay" &
systemd-notify --ready
wait $!
