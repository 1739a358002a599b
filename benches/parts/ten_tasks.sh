# What one would write by hand instead of the ten tasks: the same checks before each change, in one script for a host.
# Arguments: the host's name and its folder.
set -eu
name=$1 home=$2

put() { # path mode; the content is on standard input
    cat >"$1.new"
    chmod "$2" "$1.new"
    if cmp -s "$1.new" "$1" && [ "$(stat -c %a "$1")" = "$2" ]; then rm "$1.new"; else mv "$1.new" "$1"; fi
}

[ -d "$home" ] || mkdir -p "$home"
[ "$(stat -c %a "$home")" = 755 ] || chmod 755 "$home"
echo "this is $name" | put "$home/motd" 644
{
    echo "# made for $name"
    i=0
    while [ $i -lt 20 ]; do
        echo "option$i = $((i * 2))"
        i=$((i + 1))
    done
    echo "end = $(echo "$name" | tr a-z A-Z)"
} | put "$home/app.conf" 640
motd=$(cat "$home/motd")
found=$(stat -c '%F %s %a %U %G %Y' "$home/app.conf")
lines=$(sort "$home/app.conf" | wc -l | tr -d ' ')
[ -n "$found" ] && [ "$lines" = 22 ]
case $motd in *"$name"*) ;; *) exit 1 ;; esac
state=$(systemctl show -p ActiveState bench)
case $state in *ActiveState=active*) ;; *) systemctl start bench ;; esac
[ "$(readlink "$home/current.conf" || :)" = "$home/app.conf" ] || ln -sfn "$home/app.conf" "$home/current.conf"
