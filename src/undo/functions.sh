# What the scripts under undo/ are made of. Each function leaves alone what is right already.
restore() { :; }
settle() { :; }
release() { :; }

# Runs the phase that is asked for; without one, restore and then settle.
phase() {
  set -e
  case ${1-} in
    '') restore; settle ;;
    restore|settle|release) "$1" ;;
    *) echo "usage: sh $0 [restore|settle|release]" >&2; return 2 ;;
  esac
}

# lock [TRIES]: one at a time works on this log, be it the dead-man timer or the controller. Whoever comes second waits.
lock() {
  tries=${1:-300}
  boot=
  { read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null || :
  until mkdir "$dir/lock" 2>/dev/null; do
    tries=$((tries - 1))
    if [ "$tries" -le 0 ]; then
      echo "another revert of this run is still under way" >&2
      return 75
    fi
    sleep 1
    lock_pid= lock_boot=
    { read -r lock_pid lock_boot <"$dir/lock/holder"; } 2>/dev/null || :
    # One that was killed left its lock behind; after a reboot its number may be another's.
    if [ -z "$lock_pid" ] || [ "$lock_boot" != "$boot" ] || ! kill -0 "$lock_pid" 2>/dev/null; then
      rm -rf "$dir/lock"
    fi
  done
  echo "$$ $boot" >"$dir/lock/holder"
}

unlock() { rm -rf "$dir/lock"; }

# within COMMAND...: a service that hangs in its start or stop must not hold up the rest for ever.
within() {
  if command -v timeout >/dev/null 2>&1; then timeout "${SETTLE_SECONDS:-300}" "$@"; else "$@"; fi
}

there() { [ -e "$1" ] || [ -L "$1" ]; }

is_folder() { [ -d "$1" ] && [ ! -L "$1" ]; }

# Whether something is mounted on or below PATH; removing that would destroy what is mounted.
mounted() {
  [ -r /proc/mounts ] || return 1
  at=$(printf '%s' "$1" | sed 's/\\/\\134/g; s/ /\\040/g')
  at=$at awk '$2 == ENVIRON["at"] || index($2, ENVIRON["at"] "/") == 1 { found = 1 } END { exit !found }' /proc/mounts
}

# clear_away PATH: nothing stands there any more.
clear_away() {
  there "$1" || return 0
  if is_folder "$1"; then
    if mounted "$1"; then
      echo "$1: something is mounted there" >&2
      return 1
    fi
    rm -rf "$1"
  else
    rm -f "$1"
  fi
}

# was_absent PATH
was_absent() { clear_away "$1"; }

# attributes MODE UID GID PATH
attributes() {
  there "$4" || { echo "$4: is gone" >&2; return 1; }
  # Setting the owner clears file capabilities, so it is set only where it differs, and before the mode.
  [ "$(stat -L -c '%u:%g' "$4")" = "$2:$3" ] || chown "$2:$3" "$4" || return 1
  [ "$(stat -L -c '%a' "$4")" = "$1" ] || chmod "$1" "$4"
}

# folder MODE UID GID PATH: a folder stands there; what is in it is another matter.
folder() {
  if ! is_folder "$4"; then
    clear_away "$4" && mkdir "$4" || return 1
  fi
  attributes "$@"
}

# put_back KEPT MODE UID GID PATH: the kept file, link or device takes its old place in one rename.
put_back() {
  kept=$dir/files/$1
  new=${5%/*}/.windlass-undo.$$
  there "$kept" || { echo "$kept: is gone" >&2; return 1; }
  # It may stand there still, under both names; a rename between two names of one file does nothing or fails.
  if there "$5" && [ "$(stat -c '%d:%i' "$kept")" = "$(stat -c '%d:%i' "$5")" ]; then
    [ -L "$5" ] || attributes "$2" "$3" "$4" "$5"
    return
  fi
  rm -f "$new"
  ln "$kept" "$new" 2>/dev/null || cp -a "$kept" "$new" || return 1
  if [ ! -L "$new" ] && ! attributes "$2" "$3" "$4" "$new"; then
    rm -f "$new"
    return 1
  fi
  # A rename onto a folder, or onto a link to one, would end up inside it.
  if [ -d "$5" ]; then
    clear_away "$5" || { rm -f "$new"; return 1; }
  fi
  mv -f "$new" "$5" || { rm -f "$new"; return 1; }
}

# put_back_tree KEPT PATH: the kept folder with all that was in it takes its old place.
put_back_tree() {
  kept=$dir/files/$1
  new=${2%/*}/.windlass-undo.$$
  is_folder "$kept" || { echo "$kept: is gone" >&2; return 1; }
  if there "$2" && mounted "$2"; then
    echo "$2: something is mounted there" >&2
    return 1
  fi
  rm -rf "$new" "$new.old"
  copy_tree "$kept" "$new" || { rm -rf "$new"; return 1; }
  if there "$2"; then
    mv -f "$2" "$new.old" || { rm -rf "$new"; return 1; }
  fi
  mv -f "$new" "$2" && rm -rf "$new.old"
}

# copy_tree FROM TO: by hard links where the file system allows.
copy_tree() {
  cp -al "$1" "$2" 2>/dev/null && return 0
  rm -rf "$2"
  cp -a "$1" "$2"
}

enabled_now() {
  now=$(systemctl is-enabled "$1" 2>/dev/null) || : # not enabled is no error
  echo "${now:-not-found}"
}

# unit_enabled STATE UNIT: as `systemctl is-enabled` said it.
unit_enabled() {
  now=$(enabled_now "$2")
  [ "$now" != "$1" ] || return 0
  case $now in
    masked) systemctl unmask "$2" || return 1; now=$(enabled_now "$2") ;;
    masked-runtime) systemctl unmask --runtime "$2" || return 1; now=$(enabled_now "$2") ;;
  esac
  [ "$now" != "$1" ] || return 0
  case $1 in
    masked) systemctl mask "$2" ;;
    masked-runtime) systemctl mask --runtime "$2" ;;
    enabled) systemctl enable "$2" ;;
    enabled-runtime) systemctl enable --runtime "$2" ;;
    *) case $now in enabled|enabled-runtime) systemctl disable "$2" ;; esac ;;
  esac
}

# unit_active STATE UNIT: as `systemctl is-active` said it. The earliest record of a unit counts, the others are passed over.
unit_active() {
  grep -qxF -- "$2" "$dir/settled" 2>/dev/null && return 0
  case $1 in
    active|activating|reloading)
      # A unit that crashed too often refuses to start until its counter is cleared.
      systemctl reset-failed "$2" 2>/dev/null
      within systemctl restart "$2" || return 1
      ;;
    *)
      case $(systemctl is-active "$2" 2>/dev/null) in
        active|activating|reloading) within systemctl stop "$2" || return 1 ;;
      esac
      ;;
  esac
  printf '%s\n' "$2" >>"$dir/settled"
}
