#!/usr/bin/env bash
# Usage: up.sh — brings the single-node cluster up (idempotent), or
#        up.sh control-plane — only etcd and the API server (controller tests)
# As root. Ends with KUBECONFIG's path on standard output.
# shellcheck disable=SC2034 # render reads variables by name
set -euo pipefail
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
what=${1:-all}
[[ $(id -u) == 0 ]] || die "run as root"
need ip nft curl openssl setsid
[[ $what != all ]] || need containerd ctr runc conntrack
mkdir -p "$LC_STATE" "$LC_RUN/pid" "$LC_LOG" "$LC_CONF"
chmod 700 "$LC_STATE"
"$LC_DIR/certs.sh"

# --- network ----------------------------------------------------------------
if [[ -n $LC_NETNS && ! -e /run/netns/$LC_NETNS ]]; then
	ip netns add "$LC_NETNS"
	in_ns ip link set lo up
	touch "$LC_RUN/made-netns"
fi
in_ns sysctl -qw net.ipv4.ip_forward=1
# kubelet, containerd and cAdvisor each hold inotify instances; 128 is too few.
for kv in fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288; do
	[[ $(sysctl -n "${kv%=*}") -ge ${kv#*=} ]] || sysctl -qw "$kv"
done
# A bridge without ports stands in for a dummy device (this kernel has no
# CONFIG_DUMMY): it carries the node's address and the service range's route,
# which host processes need so that the packet exists before DNAT rewrites it.
if ! in_ns ip link show "$LC_BRIDGE" >/dev/null 2>&1; then
	in_ns ip link add "$LC_BRIDGE" type bridge
	in_ns ip link set "$LC_BRIDGE" arp off up
fi
in_ns ip addr replace "$LC_NODE_IP/32" dev "$LC_BRIDGE"
in_ns ip route replace "$LC_SERVICE_CIDR" dev "$LC_BRIDGE" src "$LC_NODE_IP"
in_ns ip route replace unreachable "$LC_POD_CIDR" metric 4096
if [[ $LC_ALLOW_EGRESS == 1 ]]; then
	LC_EGRESS_RULE="# egress allowed"
else
	LC_EGRESS_RULE="ip saddr $LC_POD_CIDR ip daddr != $LC_POD_CIDR counter reject with icmp type admin-prohibited"
fi
render "$LC_DIR/config/guard.nft.in" "$LC_CONF/guard.nft"
in_ns nft -f "$LC_CONF/guard.nft"

# --- control plane ----------------------------------------------------------
etcd_url=http://127.0.0.1:$LC_ETCD_PORT
etcd_peer=http://127.0.0.1:$((LC_ETCD_PORT + 1))
start etcd "$(bin etcd)" --name local --data-dir "$LC_STATE/etcd" --unsafe-no-fsync \
	--listen-client-urls "$etcd_url" --advertise-client-urls "$etcd_url" \
	--listen-peer-urls "$etcd_peer" --initial-advertise-peer-urls "$etcd_peer" \
	--initial-cluster "local=$etcd_peer" --quota-backend-bytes 4294967296
wait_for 30 "etcd healthy" in_ns curl -sf --max-time 2 "$etcd_url/health"

# shellcheck disable=SC2086 # LC_APISERVER_FLAGS is a list
start kube-apiserver "$(bin kube-apiserver)" \
	--advertise-address="$LC_NODE_IP" --bind-address=0.0.0.0 --secure-port="$LC_API_PORT" \
	--etcd-servers="$etcd_url" --storage-media-type=application/vnd.kubernetes.protobuf \
	--service-cluster-ip-range="$LC_SERVICE_CIDR" \
	--authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
	--client-ca-file="$LC_PKI/ca.crt" \
	--tls-cert-file="$LC_PKI/apiserver.crt" --tls-private-key-file="$LC_PKI/apiserver.key" \
	--kubelet-certificate-authority="$LC_PKI/ca.crt" \
	--kubelet-client-certificate="$LC_PKI/apiserver-kubelet-client.crt" \
	--kubelet-client-key="$LC_PKI/apiserver-kubelet-client.key" \
	--kubelet-preferred-address-types=InternalIP \
	--service-account-issuer="https://kubernetes.default.svc.$LC_DOMAIN" \
	--service-account-key-file="$LC_PKI/sa.pub" --service-account-signing-key-file="$LC_PKI/sa.key" \
	--requestheader-client-ca-file="$LC_PKI/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
	--requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
	--requestheader-extra-headers-prefix=X-Remote-Extra- \
	--proxy-client-cert-file="$LC_PKI/front-proxy-client.crt" --proxy-client-key-file="$LC_PKI/front-proxy-client.key" \
	--profiling=false --v="$LC_V" $LC_APISERVER_FLAGS
wait_for 120 "API server ready" in_ns curl -sf --max-time 5 --cacert "$LC_PKI/ca.crt" \
	--cert "$LC_PKI/admin.crt" --key "$LC_PKI/admin.key" "https://127.0.0.1:$LC_API_PORT/readyz"
if [[ $what == control-plane ]]; then
	echo "$LC_KUBECONFIG"
	exit 0
fi
kctl apply -f "$LC_DIR/config/rbac.yaml" >/dev/null

# shellcheck disable=SC2086
start kube-controller-manager "$(bin kube-controller-manager)" \
	--kubeconfig="$LC_STATE/kube-controller-manager.kubeconfig" \
	--authentication-kubeconfig="$LC_STATE/kube-controller-manager.kubeconfig" \
	--authorization-kubeconfig="$LC_STATE/kube-controller-manager.kubeconfig" \
	--bind-address=127.0.0.1 --leader-elect=false --use-service-account-credentials=true \
	--root-ca-file="$LC_PKI/ca.crt" --service-account-private-key-file="$LC_PKI/sa.key" \
	--cluster-signing-cert-file="$LC_PKI/ca.crt" --cluster-signing-key-file="$LC_PKI/ca.key" \
	--client-ca-file="$LC_PKI/ca.crt" --requestheader-client-ca-file="$LC_PKI/front-proxy-ca.crt" \
	--service-cluster-ip-range="$LC_SERVICE_CIDR" --cluster-cidr="$LC_POD_CIDR" --allocate-node-cidrs=false \
	--profiling=false --v="$LC_V" $LC_CONTROLLER_FLAGS

render "$LC_DIR/config/kube-scheduler.yaml.in" "$LC_CONF/kube-scheduler.yaml"
start kube-scheduler "$(bin kube-scheduler)" --config="$LC_CONF/kube-scheduler.yaml" \
	--authentication-kubeconfig="$LC_STATE/kube-scheduler.kubeconfig" \
	--authorization-kubeconfig="$LC_STATE/kube-scheduler.kubeconfig" \
	--bind-address=127.0.0.1 --profiling=false --v="$LC_V"

# --- node -------------------------------------------------------------------
# A place of its own for all pods: a kubelet ends whatever it does not know
# below its root, and another one may run on this machine.
if [[ -f /sys/fs/cgroup/cgroup.controllers ]]; then
	mkdir -p "/sys/fs/cgroup/$LC_CGROUP"
	for c in cpu cpuset memory pids; do
		for d in /sys/fs/cgroup "/sys/fs/cgroup/$LC_CGROUP"; do
			echo "+$c" >"$d/cgroup.subtree_control" || die "the cgroup controller $c cannot be enabled below $d: are there processes in it?"
		done
	done
else
	for d in /sys/fs/cgroup/*/cgroup.procs; do
		d=${d%/cgroup.procs}
		mkdir -p "$d/$LC_CGROUP"
		for f in cpuset.mems cpuset.cpus; do
			[[ ! -f $d/$f ]] || cat "$d/$f" >"$d/$LC_CGROUP/$f"
		done
	done
fi
mkdir -p "$LC_CONF/cni" "$LC_CONF/certs.d" "$LC_STATE/static-pods" "$LC_LOG/pods"
render "$LC_DIR/config/containerd.toml.in" "$LC_CONF/containerd.toml"
render "$LC_DIR/config/10-local.conflist.in" "$LC_CONF/cni/10-local.conflist"
start containerd containerd --config "$LC_CONF/containerd.toml"
wait_for 30 "containerd answers" lc_ctr version
if ! lc_ctr images ls -q | grep -qxF "$LC_PAUSE_IMAGE"; then
	[[ -f $LC_BIN/pause.tar ]] || die "no pause image in $LC_BIN: run build.sh"
	lc_ctr images import "$LC_BIN/pause.tar" >/dev/null
fi

if [[ $LC_DNS == auto ]]; then
	if [[ -x $LC_BIN/coredns ]]; then LC_DNS=1; else LC_DNS=0; fi
fi
LC_CLUSTER_DNS='[]' LC_RESOLV_CONF=''
if [[ $LC_DNS == 1 ]]; then
	LC_CLUSTER_DNS="[\"$LC_NODE_IP\"]"
	LC_RESOLV_CONF=$LC_CONF/resolv.conf
	printf 'nameserver %s\n' "$LC_NODE_IP" >"$LC_RESOLV_CONF"
	render "$LC_DIR/config/Corefile.in" "$LC_CONF/Corefile"
	start coredns "$(bin coredns)" -conf "$LC_CONF/Corefile"
fi
LC_NOFILE=$(ulimit -Hn)
if [[ $LC_NOFILE == unlimited || $LC_NOFILE -gt 1000000 ]]; then LC_NOFILE=1000000; fi
LC_FEATURE_GATES="{$(sed -E 's/=/: /g; s/,/, /g' <<<"$LC_KUBELET_FEATURE_GATES")}"
render "$LC_DIR/config/kubelet.yaml.in" "$LC_CONF/kubelet.yaml"
start kubelet "$(bin kubelet)" --config="$LC_CONF/kubelet.yaml" --kubeconfig="$LC_STATE/kubelet.kubeconfig" \
	--root-dir="$LC_STATE/kubelet" --cert-dir="$LC_PKI/kubelet" \
	--hostname-override="$LC_NODE" --node-ip="$LC_NODE_IP" --v="$LC_V"

LC_PROXY=$LC_PROXY_MODE
if [[ $LC_PROXY == auto ]]; then
	if command -v nft >/dev/null; then LC_PROXY=nftables; else LC_PROXY=iptables; fi
fi
render "$LC_DIR/config/kube-proxy.yaml.in" "$LC_CONF/kube-proxy.yaml"
start kube-proxy "$(bin kube-proxy)" --config="$LC_CONF/kube-proxy.yaml" --v="$LC_V"

wait_for 120 "node registered" kctl get node "$LC_NODE"
kctl wait --for=condition=Ready --timeout=120s "node/$LC_NODE" >&2
wait_for 60 "default service account" kctl -n default get serviceaccount default
echo "$LC_KUBECONFIG"
