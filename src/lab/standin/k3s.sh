# What k3s of a lab host knows. A server is a member of the embedded etcd while its unit runs; the first one that runs
# leads. A snapshot is a text of 512 bytes and its checksum behind it, as etcd writes it.
fail() {
    echo "k3s: $1" >&2
    exit "${2:-1}"
}

minor() { printf '%s' "$1" | cut -d . -f 2; }

runs() { grep -qx 'ActiveState=active' "$1/run/units/k3s" 2>/dev/null && [ -d "$1/var/lib/rancher/k3s/server/db/etcd" ]; }

leads() {
    for host in "$root"/../*/; do
        if runs "$host"; then
            host=${host%/}
            [ "${host##*/}" = "${root##*/}" ]
            return
        fi
    done
    return 1
}

# check_sum FILE: whether its last 32 bytes are the checksum of those before.
check_sum() {
    [ "$(wc -c <"$1")" -eq 544 ] &&
        [ "$(head -c 512 "$1" | sha256sum | cut -c 1-64)" = "$(tail -c 32 "$1" | od -An -v -tx1 | tr -d ' \n')" ]
}

save() {
    runs "$root" || fail 'the server does not run, or its datastore is not etcd'
    [ ! -e "$root/faults/k3s-snapshot-fails" ] || fail 'rpc error: code = Unavailable desc = transport is closing'
    file=$data/server/db/snapshots/$name-${root##*/}-$(date +%s)
    mkdir -p "${file%/*}" || exit 1
    printf '%-512s' "the lab's etcd under k3s $VERSION" >"$file"
    for byte in $(sha256sum <"$file" | cut -c 1-64 | sed 's/../& /g'); do
        printf "\\$(printf %o "0x$byte")"
    done >>"$file"
    [ ! -e "$root/faults/k3s-snapshot-corrupt" ] || echo 'a torn end' >>"$file"
    echo "Snapshot ${file##*/} saved."
}

list() {
    echo 'Name Location Size Created'
    for file in "$data"/server/db/snapshots/*; do
        [ ! -f "$file" ] || echo "${file##*/} file://$file $(wc -c <"$file" | tr -d ' ') 2026-01-01T00:00:00Z"
    done
}

metrics() {
    runs "$root" || fail 'dial tcp 127.0.0.1:2381: connect: connection refused'
    echo 'etcd_server_has_leader 1'
    if leads; then echo 'etcd_server_is_leader 1'; else echo 'etcd_server_is_leader 0'; fi
    echo 'etcd_server_is_learner 0'
}

# What is there is set aside, and the snapshot takes its place.
reset() {
    ! runs "$root" || fail 'the server still runs'
    [ ! -e "$data/server/db/reset-flag" ] || fail 'a reset was done already; start the server without --cluster-reset first'
    if [ -n "$restore" ]; then
        check_sum "$restore" || fail "snapshot file $restore is not there or corrupt"
        of=$(sed -n '1s/.* k3s \(v[^ ]*\).*/\1/p' "$restore" | tr -d '\000')
        [ "$(minor "$of")" -le "$(minor "$VERSION")" ] || fail "the snapshot is of $of, which is newer than $VERSION"
        mv "$data/server/db/etcd" "$data/server/db/etcd-old-$(date +%s)" && mkdir "$data/server/db/etcd" || exit 1
        echo "$of" >"$data/server/db/etcd/restored-from"
    fi
    : >"$data/server/db/reset-flag"
    echo 'Managed etcd cluster membership has been reset, restart without --cluster-reset flag now.' >&2
}

case ${1:-} in
--version | -v | version) echo "k3s version $VERSION (0123abcd)" && exit 0 ;;
--help | -h | help | '') echo "usage: $NAME --version" && exit 0 ;;
esac
words="$*" command= name=on-demand restore= reset= url=
root=${LAB_ROOT:-}
[ -n "$root" ] || fail 'LAB_ROOT is not set; this is a stand-in that runs on a windlass lab host' 64
data=$root/var/lib/rancher/k3s
while [ $# -gt 0 ]; do
    case $1 in
    --name) name=$2 && shift ;;
    --name=*) name=${1#*=} ;;
    --data-dir) data=$2 && shift ;;
    --data-dir=*) data=${1#*=} ;;
    --cluster-reset) reset=yes ;;
    --cluster-reset-restore-path=*) restore=${1#*=} ;;
    --server=*) url=${1#*=} ;;
    -*) ;;
    *) command="$command $1" ;;
    esac
    shift
done
case $command,$reset,$url in
' etcd-snapshot save,,') save ;;
' etcd-snapshot ls,,' | ' etcd-snapshot list,,') list ;;
' server,yes,') reset ;;
' kubectl get /metrics,,http://127.0.0.1:2381') metrics ;;
*) fail "the lab's stand-in cannot do this: $words" 64 ;;
esac
