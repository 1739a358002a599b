#!/bin/sh
# Boots one host: sh container.sh FOLDER CGROUP BASE MACHINE BRIDGE HOSTNAME, in a mount namespace of its own.
#
# The host's disk is a layer in memory over the base image. A reboot keeps it.
set -e
folder=$1 cgroup=$2 base=$3 machine=$4 bridge=$5 hostname=$6
mkdir -p "$cgroup/keeper" "$cgroup/host" "$folder/disk"
echo $$ >"$cgroup/keeper/cgroup.procs"
mount -t tmpfs -o size=512m,mode=0755 windlass-fleet "$folder/disk"
mkdir "$folder/disk/upper" "$folder/disk/work" "$folder/disk/root"
cp -a "$folder/seed/." "$folder/disk/upper/"
mount -t overlay -o "lowerdir=$base,upperdir=$folder/disk/upper,workdir=$folder/disk/work" overlay "$folder/disk/root"
# What systemd-nspawn notes there is for this namespace alone.
mkdir -p /run/systemd
mount -t tmpfs -o mode=0755 windlass-fleet /run/systemd

# The first process of a host must not start in the keeper's cgroup: a cgroup with processes has no children.
boot() {
    sh -c 'echo $$ >"$0/host/cgroup.procs"; exec "$@"' "$cgroup" \
        env SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --register=no --keep-unit \
        --directory="$folder/disk/root" --machine="$machine" --hostname="$hostname" --network-bridge="$bridge" \
        --link-journal=no --resolv-conf=off --timezone=off --boot
}
# systemd-nspawn ends with 133 when the host wants to be booted again.
while :; do
    code=0
    boot || code=$?
    [ "$code" = 133 ] || exit "$code"
done
