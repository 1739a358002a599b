manifest=$dir/manifest
only=
case ${1-} in
  '') ;;
  --uncommitted) only=uncommitted ;;
  *) echo "usage: sh $0 [--uncommitted]" >&2; exit 2 ;;
esac

# The dead-man timer has the lock already.
if [ -z "${windlass_locked-}" ]; then
  lock || exit
  trap unlock EXIT
fi
unset windlass_locked

marked() { grep -qxF -- "$1" "$manifest"; }
mark() { printf '%s\n' "$1" >>"$manifest"; }
has() { grep -q "^$2() {" "$dir/undo/$1.sh"; }
what() { sed -n '2s/^# step [0-9]*: //p' "$dir/undo/$1.sh"; }

steps=$(ls "$dir/undo" | sed -n 's/^\([0-9][0-9]*\)\.sh$/\1/p' | sort -n)
if [ -n "$only" ]; then
  committed=$(sed -n 's/^committed //p' "$manifest" | tail -n 1)
  later=
  for step in $steps; do
    [ "$step" -le "${committed:-0}" ] || later="$later $step"
  done
  steps=$later
fi
backwards=$(for step in $steps; do echo "$step"; done | sort -rn)

failed=
for step in $backwards; do
  marked "$step restored" && continue
  if sh "$dir/undo/$step.sh" restore </dev/null >&2; then
    mark "$step restored"
    echo "undone $(what "$step")"
  else
    failed=yes
    echo "remaining sh $quoted/undo/$step.sh restore"
  fi
done

# Services go back only when all their files have: a mixture of old and new must not be started.
if [ -e "$dir/reload" ] && [ -z "$failed" ] && command -v systemctl >/dev/null 2>&1; then
  systemctl daemon-reload >&2 || { failed=yes; echo "remaining systemctl daemon-reload"; }
fi
stuck=$failed
for step in $steps; do
  has "$step" settle || continue
  marked "$step settled" && continue
  if [ -z "$stuck" ] && sh "$dir/undo/$step.sh" settle </dev/null >&2; then
    mark "$step settled"
  else
    failed=yes
    echo "remaining sh $quoted/undo/$step.sh settle"
  fi
done

[ -z "$failed" ] || exit 1
mark undone
rm -f "$dir/settled"
