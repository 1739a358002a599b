#!/bin/sh
# journalctl of a windlass lab host: what the systemctl stand-in noted about a unit.
set -f

if [ -z "${LAB_ROOT:-}" ]; then
    echo "journalctl: LAB_ROOT is not set; this is a stand-in that runs on a windlass lab host" >&2
    exit 1
fi

unit=
lines=
format=short

refuse() {
    echo "journalctl: $1" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    option=$1
    case $option in
    -u | -n | -o | --unit | --lines | --output)
        [ $# -ge 2 ] || refuse "option $option needs an argument"
        value=$2
        shift 2
        ;;
    -u?* | -n?* | -o?*)
        value=${option#-?}
        option=${option%"$value"}
        shift
        ;;
    --unit=* | --lines=* | --output=*)
        value=${option#*=}
        option=${option%%=*}
        shift
        ;;
    --no-pager | -q | --quiet | -x | --catalog)
        shift
        continue
        ;;
    *) refuse "the lab's stand-in does not know '$option'" ;;
    esac
    case $option in
    -u | --unit) unit=${value%.service} ;;
    -n | --lines) lines=$value ;;
    -o | --output) format=$value ;;
    esac
done

[ -n "$unit" ] || refuse "the lab's stand-in needs a unit (-u UNIT)"
case $unit in */*) refuse "'$unit' is not a unit's name" ;; esac
case $lines in *[!0-9]*) refuse "'$lines' is not a number of lines" ;; esac

file=$LAB_ROOT/run/journal/$unit
if [ ! -f "$file" ]; then
    echo "-- No entries --"
    exit 0
fi
case $format in
short) tail -n "${lines:-1000}" "$file" ;;
cat) tail -n "${lines:-1000}" "$file" | sed 's/^.* systemd\[1\]: //' ;;
*) refuse "the lab's stand-in does not know the output format '$format'" ;;
esac
