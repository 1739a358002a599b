# What etcdctl and etcdutl of a lab host know: the members are the hosts of the lab that have an etcd, the first one that
# runs is their leader, and a snapshot is a text that ends in its own checksum, as a real one ends in a hash.
root=${LAB_ROOT:?not set; this is a stand-in that runs on a windlass lab host}

fail() {
    echo "Error: $1" >&2
    exit "${2:-1}"
}

runs() { grep -qx 'ActiveState=active' "$1/run/units/etcd" 2>/dev/null; }

number() { printf '%s' "$1" | cksum | cut -d ' ' -f 1; }

leader() {
    for host in "$root"/../*/; do
        if runs "$host"; then
            host=${host%/}
            number "${host##*/}"
            return
        fi
    done
    echo 0
}

header() { printf '"header":{"cluster_id":7,"member_id":%s,"raft_term":2}' "$(number "${root##*/}")"; }

members() {
    comma=
    for host in "$root"/../*/; do
        [ -e "$host/usr/local/bin/etcd" ] || continue
        host=${host%/}
        name=${host##*/}
        printf '%s{"ID":%s,"name":"%s","peerURLs":["http://%s:2380"],"clientURLs":["http://%s:2379"]}' \
            "$comma" "$(number "$name")" "$name" "$name" "$name"
        comma=,
    done
}

need_etcd() {
    runs "$root" || fail 'context deadline exceeded: connection error: dial tcp 127.0.0.1:2379: connect: connection refused'
}

health() {
    if runs "$root"; then
        echo '[{"endpoint":"127.0.0.1:2379","health":true,"took":"1ms"}]'
    else
        echo '[{"endpoint":"127.0.0.1:2379","health":false,"took":"5s","error":"context deadline exceeded"}]'
        fail 'unhealthy cluster'
    fi
}

status() {
    need_etcd
    printf '[{"Endpoint":"127.0.0.1:2379","Status":{%s,"version":"%s","dbSize":20480,"dbSizeInUse":16384,"dbSizeQuota":2147483648,"leader":%s,"raftIndex":40,"raftTerm":2,"raftAppliedIndex":40,"storageVersion":"%s.0"}}]\n' \
        "$(header)" "${VERSION#v}" "$(leader)" "$(echo "${VERSION#v}" | cut -d . -f 1,2)"
}

save() {
    need_etcd
    [ ! -e "$root/faults/etcd-snapshot-fails" ] || fail 'rpc error: code = Unavailable desc = transport is closing'
    text="the lab's etcd $VERSION on ${root##*/}"
    {
        echo "$text"
        echo "$text" | sha256sum | cut -c 1-64
    } >"$1.part" || fail "could not open $1.part"
    [ ! -e "$root/faults/etcd-snapshot-corrupt" ] || echo 'a torn end' >>"$1.part"
    mv "$1.part" "$1"
    echo "Snapshot saved at $1"
}

look_at() {
    [ -f "$1" ] || fail "stat $1: no such file or directory"
    if [ "$(sed '$d' "$1" | sha256sum | cut -c 1-64)" != "$(tail -n 1 "$1")" ]; then
        fail "snapshot file $1 is corrupt: expected sha256 does not match"
    fi
    printf '{"hash":%s,"revision":40,"totalKey":20,"totalSize":%s,"version":"%s.0"}\n' \
        "$(cksum <"$1" | cut -d ' ' -f 1)" "$(wc -c <"$1" | tr -d ' ')" "$(echo "${VERSION#v}" | cut -d . -f 1,2)"
}

# What is left without options and their values is the command.
command=
path=
json=
while [ $# -gt 0 ]; do
    case $1 in
    -w | --write-out)
        [ "${2:-}" != json ] || json=yes
        shift
        ;;
    -w=json | --write-out=json) json=yes ;;
    --endpoints | --cacert | --cert | --key | --command-timeout | --dial-timeout) shift ;;
    --cluster | --endpoints=* | --cacert=* | --cert=* | --key=* | --command-timeout=* | --dial-timeout=*) ;;
    -*) command="$command $1" ;;
    */*) path=$1 ;;
    *) command="$command $1" ;;
    esac
    shift
done
case "$NAME$command" in
"$NAME version" | "$NAME --version") echo "$NAME version: ${VERSION#v}" && exit 0 ;;
'etcdctl snapshot save') save "$path" && exit ;;
esac
[ -n "$json" ] || fail "the lab's stand-in answers in JSON only: add -w json" 64
case "$NAME$command" in
'etcdctl endpoint health') health ;;
'etcdctl endpoint status') status ;;
'etcdctl member list') need_etcd && printf '{%s,"members":[%s]}\n' "$(header)" "$(members)" ;;
'etcdctl alarm list') need_etcd && printf '{%s}\n' "$(header)" ;;
'etcdctl snapshot status' | 'etcdutl snapshot status') look_at "$path" ;;
*) fail "the lab's stand-in of $NAME cannot do this:$command" 64 ;;
esac
