#!/bin/sh
# Removes all that a run of the fleet's tests has made: sh cleanup.sh FOLDER CGROUP BRIDGE
#
# Containers live in the cgroup and nowhere else, and their mounts in namespaces that end with them.
folder=$1 cgroup=$2 bridge=$3
[ ! -e "$cgroup/cgroup.kill" ] || echo 1 >"$cgroup/cgroup.kill"
tries=100
while [ -d "$cgroup" ] && [ "$tries" -gt 0 ]; do
    # A cgroup can be removed once its last process is gone.
    find "$cgroup" -depth -type d -exec rmdir {} \; 2>/dev/null
    [ ! -d "$cgroup" ] || sleep 0.1
    tries=$((tries - 1))
done
# Where both kinds of cgroups are mounted, systemd-nspawn makes a twin in the old one.
twin=/sys/fs/cgroup/systemd/${cgroup##*/}
[ ! -d "$twin" ] || find "$twin" -depth -type d -exec rmdir {} \; 2>/dev/null
ip link delete "$bridge" 2>/dev/null
rm -rf --one-file-system "$folder"
