# One run at a time on this host. `$lock/holder` says who: its first line is `run RUN`. `$lock/alive` says when that run
# gave its last sign of life, in hundredths of a second since the boot that is named beside it: no clock has to be right.
boot= now=
{ read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null || :
{ read -r now _ </proc/uptime; } 2>/dev/null || :
now=${now%.*}${now#*.}

# Sets `has` to the run that has the lock; fails when nobody has it. Empty is one that has only just begun to write.
held() {
  has=
  [ -e "$lock/holder" ] || return 1
  { read -r _ has <"$lock/holder"; } 2>/dev/null || :
}

sign_of_life() { { printf '%s %s\n' "$now" "$boot" >"$lock/alive"; } 2>/dev/null || :; }

# since TIME BOOT: hundredths of a second since then; nothing when the host was booted in between.
since() { [ "$2" != "$boot" ] || [ -z "$1" ] || [ -z "$now" ] || echo "$((now - $1))"; }

# Says who has the lock, how long, and how long it has been quiet.
tell() {
  echo "lock held $has"
  while read -r key value; do
    case $key in
      taken) echo "lock age $(since $value)" ;;
      *) printf 'lock %s %s\n' "$key" "$value" ;;
    esac
  done 2>/dev/null <"$lock/holder" || :
  at= in=
  { read -r at in <"$lock/alive"; } 2>/dev/null || :
  [ -z "$at" ] || echo "lock quiet $(since "$at" "$in")"
}

# take TEXT: all other runs are kept away from now on. The file is made whole or not at all by one of two that come at once.
take() {
  tries=4
  while :; do
    [ -d "$lock" ] || mkdir -p "$lock" || return 74
    set -C
    if { printf '' >"$lock/holder"; } 2>/dev/null; then
      set +C
      if printf '%s\ntaken %s %s\n' "$1" "$now" "$boot" >"$lock/holder"; then
        sign_of_life
        echo "lock ours"
        return 0
      fi
      rm -f "$lock/holder"
      return 74
    fi
    set +C
    tries=$((tries - 1))
    if held; then
      if [ "$has" = "$mine" ]; then
        sign_of_life
        echo "lock ours"
        return 0
      fi
      if [ -n "$has" ] || [ "$tries" -le 1 ]; then
        tell
        return 1
      fi
      sleep 1
    elif [ "$tries" -le 0 ]; then
      # It is not there and cannot be made: the shell says why.
      printf '' >"$lock/holder"
      return 74
    fi
  done
}

# clear RUN: takes the lock away from that run, and from no other that has come in between.
clear() {
  held && [ "$has" = "$1" ] || return 1
  mv "$lock/holder" "$lock/was.$$" 2>/dev/null || return 1
  was=
  { read -r _ was <"$lock/was.$$"; } 2>/dev/null || :
  if [ "$was" != "$1" ]; then
    ln "$lock/was.$$" "$lock/holder" 2>/dev/null || :
    rm -f "$lock/was.$$"
    return 1
  fi
  rm -f "$lock/was.$$" "$lock/alive"
}
