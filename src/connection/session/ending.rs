//! Ending a command that runs too long, or that the user wants to end.
//!
//! Only that ends commands. When a connection is lost, what it started runs on: a restart that is under way must not be
//! broken off by a network that fails, and the shell on the host sees no difference between that and a controller that
//! is gone. So nothing on the host watches its input and kills at its end; the controller comes with a second session and
//! says what is to be ended.

/// A script that ends everything that the shell with this process number started: first politely, then by force.
///
/// Descendants are found by their parents rather than by a process group, since a group may hold daemons that earlier
/// commands left on purpose. Needs `/proc`.
pub(super) fn ending_script(pid: i64) -> String {
    format!(
        r#"descendants() {{
  table=$(for f in /proc/[0-9]*/stat; do
    {{ IFS= read -r line <"$f"; }} 2>/dev/null || continue
    rest=${{line##*) }}; rest=${{rest#* }}
    echo "${{line%% *}} ${{rest%% *}}"
  done)
  found=; level={pid}
  while [ -n "$level" ]; do
    next=
    while read -r child parent; do
      for one in $level; do
        if [ "$parent" = "$one" ]; then next="$next $child"; fi
      done
    done <<END
$table
END
    found="$found$next"; level=$next
  done
}}
descendants
[ -z "$found" ] || kill $found 2>/dev/null
for turn in 1 2 3 4 5; do
  alive=
  for one in $found; do if kill -0 "$one" 2>/dev/null; then alive="$alive $one"; fi; done
  [ -n "$alive" ] || break
  sleep 0.2 2>/dev/null || sleep 1
done
first=$alive
descendants
[ -z "$first$found" ] || kill -9 $first $found 2>/dev/null
kill -9 {pid} 2>/dev/null
exit 0
"#
    )
}
