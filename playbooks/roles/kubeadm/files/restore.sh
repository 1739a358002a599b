# Keeps what kubeadm changes and puts it back. BACKUP is windlass's own folder, KUBERNETES is /etc/kubernetes, KUBELET is
# /var/lib/kubelet.

# save BACKUP KUBERNETES KUBELET: once; what an earlier attempt of the same run saved is older and stays.
save() {
  [ ! -e "$1/complete" ] || return 0
  umask 077
  rm -rf "$1/kubernetes" "$1/kubelet"
  mkdir -p "$1/kubernetes" "$1/kubelet" || return 1
  for path in "$2/manifests" "$2/pki" "$2"/*.conf; do
    [ ! -e "$path" ] || cp -a "$path" "$1/kubernetes/" || return 1
  done
  for path in "$3/config.yaml" "$3/kubeadm-flags.env" "$3/instance-config.yaml"; do
    [ ! -e "$path" ] || cp -a "$path" "$1/kubelet/" || return 1
  done
  : >"$1/complete"
}

# differs BACKUP KUBERNETES: prints the manifests that are not as they were saved.
differs() {
  for path in "$1"/kubernetes/manifests/*.yaml; do
    cmp -s "$path" "$2/manifests/${path##*/}" || echo "$2/manifests/${path##*/}"
  done
}

image() { sed -n 's/^ *image: //p' "$1" 2>/dev/null; }

# put_back FROM TO: a file takes its old place in one rename. The new file is made outside of the folder of manifests, in
# which the kubelet would take it for a pod.
put_back() {
  cmp -s "$1" "$2" && return 0
  new=${2%/*/*}/.windlass-restore.$$
  cp -a "$1" "$new" && mv -f "$new" "$2"
}

# restore BACKUP KUBERNETES KUBELET
restore() {
  [ -e "$1/complete" ] || return 0
  for path in "$1"/kubernetes/manifests/*.yaml; do
    to=$2/manifests/${path##*/}
    # A member of etcd that ran a newer version must not go back to an older one by its binary.
    if [ "${path##*/}" = etcd.yaml ] && [ "$(image "$path")" != "$(image "$to")" ]; then
      echo "$to: etcd is left at $(image "$to")" >&2
      continue
    fi
    put_back "$path" "$to" || return 1
  done
  for path in "$1"/kubernetes/*.conf; do
    [ ! -e "$path" ] || put_back "$path" "$2/${path##*/}" || return 1
  done
  for path in "$1"/kubelet/*; do
    [ ! -e "$path" ] || put_back "$path" "$3/${path##*/}" || return 1
  done
}
