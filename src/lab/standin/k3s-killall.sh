#!/bin/sh
# k3s-killall.sh of a windlass lab host: the services end. There are no containers to kill.
for unit in k3s k3s-agent; do
    if [ -f "${LAB_ROOT:?not set}/etc/systemd/system/$unit.service" ]; then
        systemctl stop "$unit"
    fi
done
