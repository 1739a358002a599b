#!/bin/sh
# systemd-run of a windlass lab host: transient timers only. A timer is a process of its own that outlives the lab, as a
# real one outlives the connection. It ends when its command stops it, when it is stopped, and when the lab's folder goes.
set -uf

if [ -z "${LAB_ROOT:-}" ]; then
    echo "systemd-run: LAB_ROOT is not set; this is a stand-in that runs on a windlass lab host" >&2
    exit 1
fi

# The longest that a timer sleeps without a look at whether it is still wanted, in seconds.
SLICE=3

refuse() {
    echo "systemd-run: $1" >&2
    exit 1
}

seconds() {
    case $1 in
    *[!0-9]* | '') refuse "the lab's stand-in takes whole seconds, not '$1'" ;;
    esac
}

# wait_for SECONDS: fails when the timer is not wanted any more.
wait_for() {
    left=$1
    while [ "$left" -gt 0 ]; do
        slice=$SLICE
        [ "$left" -ge "$slice" ] || slice=$left
        sleep "$slice"
        left=$((left - slice))
        wanted || return 1
    done
}

wanted() {
    { read -r holder <"$timer"; } 2>/dev/null && [ "$holder" = "$$" ]
}

# What runs in the background: this very program, started anew.
if [ "${1:-}" = --lab-timer ]; then
    timer=$2 active=$3 again=$4
    shift 4
    # Nothing of the lab may wait for this process.
    cd /
    [ ! -e "$timer" ] || echo "$$" >"$timer"
    wait_for "$active" || exit 0
    while :; do
        "$@"
        [ "$again" != none ] && wanted || break
        wait_for "$again" || exit 0
    done
    if wanted; then rm -f "$timer"; fi
    exit 0
fi

unit= active= again=none
while [ $# -gt 0 ]; do
    case $1 in
    --unit=*) unit=${1#*=} ;;
    --on-active=*) active=${1#*=} ;;
    --on-unit-inactive=*) again=${1#*=} ;;
    --setenv=*) export "${1#*=}" ;;
    --quiet | -q | --collect | -G | --description=* | --property=* | --timer-property=*) ;;
    --)
        shift
        break
        ;;
    -*) refuse "the lab's stand-in does not know the option '$1'" ;;
    *) break ;;
    esac
    shift
done
[ -n "$unit" ] && [ -n "$active" ] || refuse "the lab's stand-in needs --unit and --on-active"
[ $# -gt 0 ] || refuse "a command is missing"
case $unit in */*) refuse "'$unit' is not a unit's name" ;; esac
seconds "$active"
[ "$again" = none ] || seconds "$again"

mkdir -p "$LAB_ROOT/run/timers"
timer=$LAB_ROOT/run/timers/$unit
if [ -e "$timer" ]; then
    echo "Failed to start transient timer unit: Unit $unit.timer was already loaded or has a fragment file." >&2
    exit 1
fi
# systemd takes `$$` in a command for one `$`.
count=$#
while [ "$count" -gt 0 ]; do
    set -- "$@" "$(printf '%s' "$1" | sed 's/\$\$/$/g')"
    shift
    count=$((count - 1))
done
echo starting >"$timer"
# In a session of its own, so that it is not ended with the command that starts it.
setsid sh "$0" --lab-timer "$timer" "$active" "$again" "$@" </dev/null >>"$LAB_ROOT/run/journal/$unit" 2>&1 &
