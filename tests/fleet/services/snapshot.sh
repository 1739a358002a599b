#!/bin/sh
# k3s etcd-snapshot save --name NAME
[ "$2 $3" = "save --name" ] || exit 64
folder=/var/lib/rancher/k3s/server/db/snapshots
mkdir -p "$folder" && echo "a snapshot" >"$folder/$4-$(hostname)-$(date +%s)"
