#!/bin/sh
# cat of a windlass lab host that was rebooted: the kernel is this machine's, but the host has a boot id of its own.
if [ "$*" = /proc/sys/kernel/random/boot_id ]; then
    set -- "$LAB_ROOT/run/boot-id"
fi
for program in /usr/bin/cat /bin/cat; do
    [ ! -x "$program" ] || exec "$program" "$@"
done
echo "cat: there is no cat on this machine" >&2
exit 127
