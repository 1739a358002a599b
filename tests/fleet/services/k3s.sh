#!/bin/sh
# What a k3s binary of the fleet runs: k3s VERSION STATE server|agent
#
# Its unit ends only the main process (KillMode=process, as k3s' own unit says), so it ends its children itself.
trap 'trap - TERM; kill 0; exit 0' TERM
case $2 in
crash)
    echo "level=fatal msg=\"flag provided but not defined: -removed-in-$1\"" >&2
    exit 1
    ;;
hang)
    echo "level=info msg=\"Waiting for the datastore\"" >&2
    sleep infinity &
    wait
    ;;
esac
[ "$3" != server ] || /usr/local/lib/fleet/apiserver "$1" "$2" &
/usr/local/lib/fleet/kubelet "$1" "$2" &
systemd-notify --ready
wait
