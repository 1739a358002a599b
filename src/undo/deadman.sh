manifest=$dir/manifest
deadline=$dir/deadline

# Seconds since the host booted, which no change of its clock moves.
look_at_clock() {
  read -r now _ </proc/uptime
  now=${now%%.*}
}

# Sets due, limit and boot; fails when no timer runs. One from before a reboot is gone.
is_armed() {
  due= limit= armed_in= boot=
  { read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null || :
  { read -r due limit armed_in <"$deadline"; } 2>/dev/null || return 1
  [ "$armed_in" = "$boot" ]
}

# set_due SECONDS: from now.
set_due() {
  printf '%s %s %s\n' "$((now + $1))" "$1" "$boot" >"$deadline.new" && mv -f "$deadline.new" "$deadline"
}

# Fails when the host went back by itself already; such a run must change nothing any more.
still_here() {
  at=$(sed -n 's/^alone //p' "$manifest" 2>/dev/null | tail -n 1)
  [ -z "$at" ] && return
  echo "alone $at"
  echo "the host went back by itself at $at" >&2
  return 76
}

# Whether steps were recorded that were neither committed nor taken back.
is_open() {
  [ "$(tail -n 1 "$manifest")" != undone ] || return 1
  last=$(sed -n 's/^\([0-9][0-9]*\) intent .*/\1/p' "$manifest" | sort -n | tail -n 1)
  committed=$(sed -n 's/^committed //p' "$manifest" | tail -n 1)
  [ "${last:-0}" -gt "${committed:-0}" ]
}

# Says why there can be no timer; quiet when there can.
why_not() {
  command -v systemd-run >/dev/null 2>&1 || { echo "there is no systemd-run"; return; }
  state=$(systemctl is-system-running 2>/dev/null)
  case $state in
    initializing|starting|running|degraded|maintenance|stopping) ;;
    *) echo "systemd does not run here${state:+ (it is $state)}" ;;
  esac
}

# start_timer SECONDS. The first look is after so many seconds; from then on it looks every now and then, as the
# deadline may have been moved meanwhile: moving it takes no more than writing a file.
start_timer() {
  every=$(($1 / 20))
  [ "$every" -ge 1 ] || every=1
  [ "$every" -le 30 ] || every=30
  # systemd reads `$` in a command line.
  watch=$(printf '%s' "$dir/deadman.sh" | sed 's/\$/$$/g')
  systemd-run --quiet --unit="$unit" --description="windlass: run $run goes back unless it commits in time" \
    --on-active="$1" --on-unit-inactive="$every" --timer-property=AccuracySec=1s \
    --property=RuntimeMaxSec=1800 --property=TimeoutStopSec=30 --setenv=PATH="$PATH" \
    sh "$watch" watch >&2
}

disarm() {
  [ -e "$deadline" ] || return 0
  rm -f "$deadline"
  systemctl stop "$unit.timer" >/dev/null 2>&1 || : # it may have ended by itself
}

take() {
  lock "$@" || exit
  trap unlock EXIT
}

case ${1-} in
  arm)
    take
    still_here || exit
    look_at_clock
    if is_armed; then
      set_due "$2" || exit
      echo "deadman moved"
      exit
    fi
    reason=$(why_not)
    if [ -n "$reason" ]; then
      echo "deadman off $reason"
      exit
    fi
    set_due "$2" || exit
    if ! start_timer "$2"; then
      rm -f "$deadline"
      echo "the dead-man timer cannot be armed" >&2
      exit 1
    fi
    echo "deadman armed"
    ;;
  extend)
    is_armed || exit 0
    take
    still_here || exit
    look_at_clock
    if is_armed; then set_due "$2"; fi
    ;;
  commit)
    take
    still_here || exit
    # The play that the host passed with this, in one write with it.
    printf '%s\n' ${3:+"passed $3"} "committed $2" >>"$manifest" || exit
    disarm
    ;;
  disarm) disarm ;;
  watch)
    is_armed || { disarm; exit 0; }
    look_at_clock
    [ "$now" -ge "$due" ] || exit 0
    # Who has the lock commits or takes back; the timer comes again.
    lock 5 2>/dev/null || exit 0
    trap unlock EXIT
    if ! is_armed || ! is_open; then
      disarm
      exit 0
    fi
    look_at_clock
    [ "$now" -ge "$due" ] || exit 0
    printf 'alone %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >>"$manifest"
    if windlass_locked=yes sh "$dir/revert.sh" --uncommitted; then
      disarm
      exit 0
    fi
    # What does not work three times is left to a person.
    [ "$(grep -c '^alone ' "$manifest")" -lt 3 ] || disarm
    exit 1
    ;;
  *)
    echo "usage: sh $0 arm SECONDS|extend SECONDS|commit STEP [PLAY]|disarm|watch" >&2
    exit 2
    ;;
esac
