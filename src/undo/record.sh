# keep N.K PATH QUOTED: prints how what stands at PATH comes back, and keeps it under files/.
keep() {
  case $2 in */systemd/*) : >"$dir/reload" ;; esac
  if ! there "$2"; then
    printf '  was_absent %s\n' "$3"
  elif is_folder "$2"; then
    now=$(stat -c '%a %u %g' "$2") || return 1
    printf '  folder %s %s\n' "$now" "$3"
  else
    now=$(stat -c '%a %u %g' "$2") || return 1
    rm -f "$dir/files/$1"
    # Part of a copy is no use, and on a disk that is full it is in the way of what has to be written next.
    ln "$2" "$dir/files/$1" 2>/dev/null || cp -a "$2" "$dir/files/$1" || { rm -f "$dir/files/$1"; return 1; }
    printf '  put_back %s %s %s\n' "$1" "$now" "$3"
  fi
}

# keep_tree N.K PATH QUOTED: the same, and of a folder also what is in it.
keep_tree() {
  is_folder "$2" || { keep "$@"; return; }
  case $2 in */systemd/*) : >"$dir/reload" ;; esac
  if mounted "$2"; then
    echo "$2: something is mounted there" >&2
    return 1
  fi
  rm -rf "$dir/files/$1"
  copy_tree "$2" "$dir/files/$1" || { rm -rf "$dir/files/$1"; return 1; }
  printf '  put_back_tree %s %s\n' "$1" "$3"
}

# keep_attributes PATH QUOTED
keep_attributes() {
  [ -e "$1" ] || return 0
  now=$(stat -L -c '%a %u %g' "$1") || return 1
  printf '  attributes %s %s\n' "$now" "$2"
}

# keep_unit UNIT QUOTED RESTORE SETTLE
keep_unit() {
  command -v systemctl >/dev/null 2>&1 || { echo "$1: there is no systemctl to ask for its state" >&2; return 1; }
  : >"$dir/reload"
  printf '  unit_enabled %s %s\n' "$(enabled_now "$1")" "$2" >"$3"
  now=$(systemctl is-active "$1" 2>/dev/null) || : # not active is no error
  # In a shutdown everything is stopped, and would be kept stopped by what is recorded. The host is asked when it is back.
  [ "$now" = active ] || while [ "$(systemctl is-system-running 2>/dev/null)" = stopping ]; do sleep 1; done
  printf '  unit_active %s %s\n' "${now:-unknown}" "$2" >"$4"
}

# part PHASE FILE...: a phase of the step's script, unless it has nothing to do.
part() {
  name=$1
  shift
  cat "$@" 2>/dev/null | grep -q . || return 0
  printf '%s() {\n  set -e\n' "$name"
  cat "$@" 2>/dev/null || :
  printf '}\n'
}
