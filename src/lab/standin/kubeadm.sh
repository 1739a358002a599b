# What kubeadm of a lab host does: it changes the versions in the static pods' manifests, and puts them back when their
# pods do not come up. Nothing runs from them; the lab reads the API server's version from its manifest.
BREAKS=no
REVERTS=yes
folder=${LAB_ROOT:?not set; this is a stand-in that runs on a windlass lab host}/etc/kubernetes

fail() {
    echo "$1" >&2
    exit 1
}

image() { sed -n 's/^ *image: .*:\(v[0-9].*\)$/\1/p' "$folder/manifests/$1.yaml"; }

# The manifest of $1 with the version of this kubeadm.
renewed() { sed "s/^\( *image: .*\):v[0-9].*\$/\1:$VERSION/" "$folder/manifests/$1.yaml"; }

COMPONENTS='kube-apiserver kube-controller-manager kube-scheduler'

upgrade() {
    backup=$folder/tmp/kubeadm-backup-manifests-$(date +%s)
    mkdir -p "$backup"
    for name in $COMPONENTS; do
        cp "$folder/manifests/$name.yaml" "$backup" || fail "[upgrade] cannot back up $name"
        renewed "$name" >"$backup/.new" && mv "$backup/.new" "$folder/manifests/$name.yaml"
        [ "$BREAKS" = no ] || {
            [ "$REVERTS" = no ] || cp "$backup/$name.yaml" "$folder/manifests/$name.yaml"
            echo "error execution phase control-plane: couldn't complete the static pod upgrade: couldn't upgrade control plane." >&2
            fail 'kubeadm has tried to recover everything into the earlier state. Errors faced: timed out waiting for the condition'
        }
    done
}

case "${1:-} ${2:-}" in
'version '* | '--version ') echo "$VERSION" ;;
'--help ' | ' ') echo 'usage: kubeadm version | upgrade plan|diff|apply|node' ;;
'upgrade plan')
    [ "${3:-$VERSION}" = "$VERSION" ] || fail "this kubeadm is $VERSION and cannot plan for $3"
    echo "[upgrade/versions] Cluster version: $(image kube-apiserver)"
    echo "[upgrade/versions] kubeadm version: $VERSION"
    for name in $COMPONENTS; do echo "$name   $(image "$name")   $VERSION"; done
    ;;
'upgrade diff')
    for name in $COMPONENTS; do renewed "$name" | diff -u "$folder/manifests/$name.yaml" - || :; done
    ;;
'upgrade apply')
    shift 2
    target=
    for word; do
        case $word in
        v[0-9]*) target=$word ;;
        -y | --yes | --certificate-renewal=* | --etcd-upgrade=* | --patches=*) ;;
        *) fail "unknown flag: $word" ;;
        esac
    done
    [ "$target" = "$VERSION" ] ||
        fail "[upgrade/version] FATAL: the --version argument is invalid: this kubeadm is $VERSION, not $target"
    upgrade
    echo "[upgrade] SUCCESS! A control plane node of your cluster was upgraded to \"$VERSION\"."
    ;;
'upgrade node')
    shift 2
    for word; do
        case $word in
        --certificate-renewal=* | --etcd-upgrade=* | --patches=*) ;;
        *) fail "unknown flag: $word" ;;
        esac
    done
    upgrade
    echo '[upgrade] The control plane instance for this node was successfully upgraded!'
    ;;
*)
    echo "kubeadm: the lab's stand-in cannot do this: $*" >&2
    exit 64
    ;;
esac
