#!/bin/sh
# systemctl of a windlass lab host. It keeps the state of a unit in LAB_ROOT/run/units/UNIT, as lines of NAME=value that
# the lab reads too. Nothing really runs: a service that is started is asked for its version and then counts as running.
set -uf

if [ -z "${LAB_ROOT:-}" ]; then
    echo "systemctl: LAB_ROOT is not set; this is a stand-in that runs on a windlass lab host" >&2
    exit 1
fi

# A crash loop: milliseconds between two starts, and starts until it is given up. The lab has the same numbers.
CRASH_STEP=400
CRASH_LIMIT=5

host=${LAB_ROOT##*/}
unit_files=$LAB_ROOT/etc/systemd/system

# --- Time: one call for both forms. busybox has no milliseconds.

look_at_clock() {
    clock=$(date '+%s%3N %b %d %H:%M:%S')
    now=${clock%% *}
    stamp=${clock#* }
    case $now in *[!0-9]*) now=${now%%[!0-9]*}000 ;; esac
}

note() {
    echo "$stamp $host systemd[1]: $1" >>"$LAB_ROOT/run/journal/$unit"
}

# --- The state of a unit.

# Sets unit, file, load, type, program and the state of the unit named in $1.
load() {
    unit=${1%.service}
    file=$unit_files/$unit.service
    active=inactive sub=dead result=success pid=0 version= emulated= started= enablement=disabled restarts=0
    if [ -f "$LAB_ROOT/run/units/$unit" ]; then
        while IFS='=' read -r name value; do
            case $name in
            ActiveState) active=$value ;;
            SubState) sub=$value ;;
            Result) result=$value ;;
            MainPID) pid=$value ;;
            Version) version=$value ;;
            Emulated) emulated=$value ;;
            Started) started=$value ;;
            UnitFileState) enablement=$value ;;
            esac
        done <"$LAB_ROOT/run/units/$unit"
    fi
    load=loaded
    if [ ! -f "$file" ]; then
        load=not-found
        enablement=
    elif [ "$enablement" = masked ]; then
        load=masked
    fi
    [ "$sub" != auto-restart ] || crash_further
}

# A crash loop goes on by itself, without a process: how far it is follows from the time.
crash_further() {
    look_at_clock
    restarts=$(((now - started) / CRASH_STEP))
    if [ "$restarts" -ge "$CRASH_LIMIT" ]; then
        restarts=$CRASH_LIMIT active=failed sub=failed
    fi
}

save() {
    state=$LAB_ROOT/run/units/$unit
    {
        echo "ActiveState=$active"
        echo "SubState=$sub"
        echo "Result=$result"
        echo "MainPID=$pid"
        echo "Version=$version"
        [ -z "$emulated" ] || echo "Emulated=$emulated"
        echo "Started=$started"
        echo "UnitFileState=${enablement:-disabled}"
    } >"$state.$$" && mv -f "$state.$$" "$state"
}

# Sets type, program and its flags from the unit file and its drop-ins; an empty ExecStart= forgets the ones before it.
read_unit_file() {
    type=simple program= flags=
    set +f
    set -- "$file" "$file.d"/*.conf
    set -f
    for part; do
        [ -f "$part" ] || continue
        while IFS= read -r line || [ -n "$line" ]; do
            case $line in
            Type=*) type=${line#Type=} ;;
            ExecStart=*) read_program "${line#ExecStart=}" ;;
            esac
        done <"$part"
    done
}

read_program() {
    program=$1
    while :; do
        case $program in
        [-@:+!]*) program=${program#?} ;;
        *) break ;;
        esac
    done
    case $program in
    '"'*)
        program=${program#?}
        options=${program#*\"}
        program=${program%%\"*}
        ;;
    *)
        options=${program#"${program%% *}"}
        program=${program%% *}
        ;;
    esac
    flags= emulated=
    for word in $options; do
        case $word in
        --emulated-version=*)
            emulated=${word#*=}
            emulated=${emulated#kube=}
            ;;
        esac
        case $word in -*) flags="$flags $word" ;; esac
    done
}

# --- Starting and stopping.

# The connection of this host is to be lost once, in the middle of this command.
drop_connection() {
    mv "$LAB_ROOT/faults/drop-connection" "$LAB_ROOT/run/dropped" 2>/dev/null || return 0
    rm -f "$LAB_ROOT/run/cut-done"
    # Opened for both directions, so that it does not wait where no lab runs.
    echo "cut $host" 1<>"$LAB_ROOT/../../control" || return 0
    tries=0
    while [ ! -e "$LAB_ROOT/run/cut-done" ] && [ "$tries" -lt 40 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
}

# The host is to be rebooted once, in the middle of this command, which does not live to see it.
reboot_host() {
    mv "$LAB_ROOT/faults/reboot" "$LAB_ROOT/run/rebooted" 2>/dev/null || return 0
    echo "reboot $host" 1<>"$LAB_ROOT/../../control" || return 0
    sleep 10
}

next_pid() {
    last=2000
    if [ -f "$LAB_ROOT/run/last-pid" ]; then
        read -r last <"$LAB_ROOT/run/last-pid"
    fi
    pid=$((last + 1))
    echo "$pid" >"$LAB_ROOT/run/last-pid"
}

# Whether the fault $1 strikes this version of the unit: it is another than when the fault was set.
is_struck_by() {
    [ -f "$LAB_ROOT/faults/$1" ] || return 1
    while IFS='=' read -r name value; do
        [ "$name" != "$unit" ] || [ "$value" = "$version" ] || return 0
    done <"$LAB_ROOT/faults/$1"
    return 1
}

# Whether the program ends at once: by the fault, or because it says so itself. Sets last_words.
is_to_crash() {
    last_words=
    ! is_struck_by crash-on-start || return 0
    last_words=$(sed -n 's/^# The lab: exits with: //p' "$program" 2>/dev/null)
    [ -n "$last_words" ]
}

# The start never returns; it ends with its command, with the fault, or with the lab's folder.
hang() {
    is_struck_by hang-on-start || return 0
    active=activating sub=start
    save
    while [ -f "$LAB_ROOT/faults/hang-on-start" ]; do
        sleep 0.2
    done
}

job_failed() {
    echo "Job for $unit.service failed because the control process exited with error code." >&2
    echo "See \"systemctl status $unit.service\" and \"journalctl -xeu $unit.service\" for details." >&2
    return 1
}

# The number of the job that works on the unit, which is its process's; fails when there is none.
job() {
    found=
    [ -f "$LAB_ROOT/run/job.$unit" ] || return 1
    read -r found <"$LAB_ROOT/run/job.$unit"
    kill -0 "${found:-x}" 2>/dev/null
}

launch() {
    echo "$$" >"$LAB_ROOT/run/job.$unit"
    carry_out_launch
    launched=$?
    rm -f "$LAB_ROOT/run/job.$unit"
    return "$launched"
}

carry_out_launch() {
    drop_connection
    reboot_host
    read_unit_file
    look_at_clock
    started=$now pid=0 version=
    # A service that gets a flag that it does not know ends at once.
    if ! answer=$("$program" $flags --version 2>&1 </dev/null); then
        active=failed sub=failed result=exit-code
        save
        note "$unit.service: ${answer##*
}"
        note "$unit.service: Main process exited, code=exited, status=1/FAILURE"
        note "Failed to start $unit.service."
        job_failed
        return
    fi
    for word in $answer; do
        case $word in
        v[0-9]*)
            version=$word
            break
            ;;
        [0-9]*.[0-9]*.[0-9]*)
            version=v$word
            break
            ;;
        esac
    done
    if is_to_crash; then
        active=activating sub=auto-restart result=exit-code
        save
        [ -z "$last_words" ] || note "$unit.service: $last_words"
        note "$unit.service: Main process exited, code=exited, status=1/FAILURE"
        note "$unit.service: Failed with result 'exit-code'."
        # Only a service that says when it is up can fail its start job.
        [ "$type" != notify ] || job_failed
        return
    fi
    hang
    if [ "$unit" = k3s ]; then
        # A server without a datastore joins the others' as a new member.
        rm -f "$LAB_ROOT/var/lib/rancher/k3s/server/db/reset-flag"
        [ -e "$LAB_ROOT/var/lib/rancher/k3s/server/db" ] || mkdir -p "$LAB_ROOT/var/lib/rancher/k3s/server/db/etcd"
    fi
    next_pid
    active=active sub=running result=success
    save
    note "Started $unit.service${version:+ ($version)}."
}

halt() {
    [ "$active" != inactive ] || return 0
    look_at_clock
    active=inactive sub=dead result=success pid=0
    save
    note "Stopped $unit.service."
}

# Says why $1 (a verb) cannot be done to a unit that is not there or is masked.
need_unit() {
    case $load in
    loaded) return 0 ;;
    masked)
        echo "Failed to $1 $unit.service: Unit $unit.service is masked." >&2
        return 1
        ;;
    esac
    echo "Failed to $1 $unit.service: Unit $unit.service not found." >&2
    return 5
}

do_start() { need_unit start && { [ "$active" = active ] || launch; }; }
do_restart() { need_unit restart && launch; }
do_try_restart() { need_unit try-restart && { [ "$active" != active ] || launch; }; }
do_stop() {
    if [ "$load" = not-found ] && [ "$active" = inactive ]; then
        echo "Failed to stop $unit.service: Unit $unit.service not loaded." >&2
        return 5
    fi
    halt
}
do_reload() {
    need_unit reload || return
    if [ "$active" != active ]; then
        echo "$unit.service is not active, cannot reload." >&2
        return 1
    fi
    look_at_clock
    note "Reloaded $unit.service."
}
do_reload_or_restart() { need_unit reload-or-restart && launch; }
do_reset_failed() {
    [ "$active" != failed ] || { active=inactive sub=dead result=success && save; }
}

# --- Enabling.

set_enablement() {
    if [ "$load" = not-found ]; then
        echo "Failed to $verb unit: Unit file $unit.service does not exist." >&2
        return 1
    fi
    enablement=$1
    save
}

do_enable() {
    if [ "$load" = masked ]; then
        echo "Failed to enable unit: Unit file $unit_files/$unit.service is masked." >&2
        return 1
    fi
    set_enablement enabled || return
    [ -z "$with_now" ] || do_start
}
do_disable() {
    set_enablement disabled || return
    [ -z "$with_now" ] || halt
}
do_mask() {
    set_enablement masked || return
    [ -z "$with_now" ] || halt
}
do_unmask() { [ "$load" != masked ] || set_enablement disabled; }

# --- Asking.

say() { [ -n "$quiet" ] || echo "$1"; }

do_is_active() {
    say "$active"
    [ "$active" = active ] || return 3
}
do_is_failed() {
    say "$active"
    [ "$active" = failed ]
}
do_is_enabled() {
    if [ "$load" = not-found ]; then
        [ -n "$quiet" ] ||
            echo "Failed to get unit file state for $unit.service: No such file or directory" >&2
        return 1
    fi
    say "$enablement"
    [ "$enablement" = enabled ]
}

KNOWN="Id Names LoadState ActiveState SubState Result UnitFileState FragmentPath MainPID ExecMainPID NRestarts
ExecMainStatus ExecMainStartTimestamp ExecMainStartTimestampMonotonic ActiveEnterTimestamp
ActiveEnterTimestampMonotonic StateChangeTimestamp NeedDaemonReload Type CanReload Description Job"

started_at() {
    found=
    [ -z "$started" ] || found=$(date -u -d "@$((started / 1000))" '+%a %Y-%m-%d %H:%M:%S UTC')
}

# Sets found to a property's value; fails for one that systemd does not have here.
property() {
    case $1 in
    Id | Names) found=$unit.service ;;
    LoadState) found=$load ;;
    ActiveState) found=$active ;;
    SubState) found=$sub ;;
    Result) found=$result ;;
    UnitFileState) found=$enablement ;;
    FragmentPath) [ "$load" = not-found ] && found='' || found=$file ;;
    MainPID | ExecMainPID) found=$pid ;;
    NRestarts) found=$restarts ;;
    ExecMainStatus) [ "$result" = success ] && found=0 || found=1 ;;
    ExecMainStartTimestamp | StateChangeTimestamp) started_at ;;
    ExecMainStartTimestampMonotonic) found=$((${started:-0} * 1000)) ;;
    ActiveEnterTimestamp) if [ "$active" = active ]; then started_at; else found=; fi ;;
    ActiveEnterTimestampMonotonic) [ "$active" = active ] && found=$((${started:-0} * 1000)) || found=0 ;;
    NeedDaemonReload) found=no ;;
    Type) read_unit_file && found=$type ;;
    ExecStart) read_unit_file && found="{ path=$program ; argv[]=$program ; }" ;;
    CanReload) found=no ;;
    Job) job || return 1 ;;
    Description) found=$unit.service ;;
    *) return 1 ;;
    esac
}

do_show() {
    for wanted in ${properties:-$KNOWN}; do
        property "$wanted" || continue
        if [ -n "$only_values" ]; then echo "$found"; else echo "$wanted=$found"; fi
    done
    # Units are apart by an empty line.
    shown=$((shown + 1))
    [ "$shown" -ge "$count" ] || echo
}

do_status() {
    if [ "$load" = not-found ]; then
        echo "Unit $unit.service could not be found." >&2
        return 4
    fi
    started_at
    echo "* $unit.service"
    echo "     Loaded: $load ($file; $enablement)"
    echo "     Active: $active ($sub)${found:+ since $found}"
    [ "$pid" = 0 ] || echo "   Main PID: $pid"
    if [ -f "$LAB_ROOT/run/journal/$unit" ]; then
        echo
        tail -n "${lines:-10}" "$LAB_ROOT/run/journal/$unit"
    fi
    [ "$active" = active ] || return 3
}

do_cat() {
    if [ "$load" = not-found ]; then
        echo "No files found for $unit.service." >&2
        return 1
    fi
    set +f
    for part in "$file" "$file.d"/*.conf; do
        if [ -f "$part" ]; then
            echo "# $part"
            cat "$part"
        fi
    done
    set -f
}

# Every unit file of the host, one line each in the format of $1.
list() {
    set +f
    for path in "$unit_files"/*.service; do
        [ -f "$path" ] || continue
        path=${path##*/}
        load "${path%.service}"
        case $1 in
        files) printf '%-40s %-15s %s\n' "$unit.service" "$enablement" enabled ;;
        units) printf '  %-40s %-9s %-8s %-12s %s\n' "$unit.service" "$load" "$active" "$sub" "$unit" ;;
        esac
    done
    set -f
}

# --- Transient timers, which systemd-run makes: a file with the number of the process that waits.

# Stops the timer $1; what it started goes on.
stop_timer() {
    timer=$LAB_ROOT/run/timers/${1%.timer}
    if [ ! -f "$timer" ]; then
        echo "Failed to stop $1: Unit $1 not loaded." >&2
        return 5
    fi
    rm -f "$timer"
}

list_timers() {
    set +f
    for timer in "$LAB_ROOT"/run/timers/*; do
        [ -f "$timer" ] || continue
        timer=${timer##*/}.timer
        for pattern in ${names:-'*'}; do
            # shellcheck disable=SC2254 # a pattern is what it is to be
            case $timer in $pattern) echo "$timer ${timer%.timer}.service" ;; esac
        done
    done
    set -f
}

# --- The command line.

refuse() {
    echo "systemctl: $1" >&2
    exit 1
}

verb= names= properties= only_values= quiet= with_now= lines=
while [ $# -gt 0 ]; do
    case $1 in
    --now) with_now=yes ;;
    -q | --quiet) quiet=yes ;;
    --value) only_values=yes ;;
    -p | --property | -P)
        [ $# -ge 2 ] || refuse "option $1 needs an argument"
        [ "$1" != -P ] || only_values=yes
        properties="$properties $2"
        shift
        ;;
    --property=*) properties="$properties ${1#*=}" ;;
    -n | --lines)
        [ $# -ge 2 ] || refuse "option $1 needs an argument"
        lines=$2
        shift
        ;;
    -n* | --lines=*)
        lines=${1#--lines=}
        lines=${lines#-n}
        ;;
    -t | --type)
        [ "${2:-}" = service ] || refuse "a lab host has only units of the type service"
        shift
        ;;
    --type=service | --kill-who=* | --signal=* | --no-pager | --no-block | --no-ask-password | --no-legend | --plain | --system | -l | --full | -a | --all) ;;
    --version)
        echo "systemd 255 (windlass lab)"
        exit 0
        ;;
    -*) refuse "the lab's stand-in does not know the option '$1'" ;;
    *)
        if [ -z "$verb" ]; then
            verb=$1
        else
            case $1 in */*) refuse "'$1' is not a unit's name" ;; esac
            names="$names $1"
        fi
        ;;
    esac
    shift
done
# Properties may be given as one list with commas.
while :; do
    case $properties in
    *,*) properties="${properties%%,*} ${properties#*,}" ;;
    *) break ;;
    esac
done

case $verb in
daemon-reload | daemon-reexec) exit 0 ;;
is-system-running)
    say running
    exit 0
    ;;
list-unit-files)
    list files
    exit 0
    ;;
list-units)
    list units
    exit 0
    ;;
list-timers)
    list_timers
    exit 0
    ;;
start) action=do_start ;;
stop | kill) action=do_stop ;;
restart) action=do_restart ;;
try-restart) action=do_try_restart ;;
reload) action=do_reload ;;
reload-or-restart) action=do_reload_or_restart ;;
reset-failed) action=do_reset_failed ;;
enable) action=do_enable ;;
disable) action=do_disable ;;
mask) action=do_mask ;;
unmask) action=do_unmask ;;
is-active) action=do_is_active ;;
is-failed) action=do_is_failed ;;
is-enabled) action=do_is_enabled ;;
show) action=do_show ;;
status) action=do_status ;;
cat) action=do_cat ;;
'') refuse "the lab's stand-in needs a command" ;;
*)
    echo "Unknown command verb '$verb'." >&2
    exit 1
    ;;
esac

set -- $names
count=$# shown=0 good=0 status=0
[ "$count" -gt 0 ] || refuse "$verb needs a unit"
for one; do
    case $verb,$one in
    stop,*.timer)
        if stop_timer "$one"; then good=$((good + 1)); else status=$?; fi
        continue
        ;;
    *.timer)
        if [ "$verb" = is-active ] && [ -f "$LAB_ROOT/run/timers/${one%.timer}" ]; then
            say active
            good=$((good + 1))
        else
            say inactive
            status=3
        fi
        continue
        ;;
    esac
    load "$one"
    if "$action"; then good=$((good + 1)); else status=$?; fi
done
# One unit that is as asked is enough for these.
case $verb in
is-active | is-failed | is-enabled) [ "$good" -eq 0 ] || status=0 ;;
esac
exit "$status"
