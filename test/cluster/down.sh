#!/usr/bin/env bash
# Usage: down.sh [--purge]   Stops what up.sh started, by recorded pid only,
# and removes its containers, mounts, cgroups, interfaces and rules.
# --purge also deletes $LC_STATE (images, etcd data, certificates).
set -uo pipefail
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
[[ $(id -u) == 0 ]] || die "run as root"

stop coredns
stop kubelet 30
stop kube-proxy
# Its rules outlive it, also when it ended by itself.
if [[ -f $LC_CONF/kube-proxy.yaml && -x $LC_BIN/kube-proxy ]]; then
	in_ns "$LC_BIN/kube-proxy" --cleanup --config="$LC_CONF/kube-proxy.yaml" >>"$LC_LOG/kube-proxy.log" 2>&1 || true
fi

# Pods: kill the tasks of our containerd's own namespace, then the records;
# each shim ends with its last task.
if running containerd; then
	for _ in 1 2 3 4 5; do
		tasks=$(lc_ctr tasks ls -q 2>/dev/null)
		[[ -n $tasks ]] || break
		for t in $tasks; do
			lc_ctr tasks kill --all --signal SIGKILL "$t" >/dev/null 2>&1
			lc_ctr tasks delete --force "$t" >/dev/null 2>&1
		done
		sleep 0.3
	done
	for c in $(lc_ctr containers ls -q 2>/dev/null); do lc_ctr containers rm "$c" >/dev/null 2>&1; done
	stop containerd 30
fi
stop kube-scheduler
stop kube-controller-manager
stop kube-apiserver 30
stop etcd

# Mounts of pods (secrets, projected tokens) and of containers, deepest first.
# kubelet also bind-mounts its root directory onto itself.
awk -v k="$LC_STATE/kubelet" -v c="$LC_STATE/containerd/" -v r="$LC_RUN/" '$2 == k || index($2, k "/") == 1 || index($2, c) == 1 || index($2, r) == 1 { print $2 }' /proc/self/mounts | sort -r | while read -r m; do
	umount "$m" 2>/dev/null || umount -l "$m" 2>/dev/null || true
done
rm -rf "$LC_RUN/containerd" "$LC_RUN/cni" "$LC_STATE/kubelet" "$LC_LOG/pods"

for c in "/sys/fs/cgroup/$LC_CGROUP" /sys/fs/cgroup/*/"$LC_CGROUP"; do
	[[ -d $c ]] || continue
	find "$c" -depth -type d -exec rmdir {} + 2>/dev/null
done

in_ns nft delete table inet lc_guard 2>/dev/null
in_ns ip route del unreachable "$LC_POD_CIDR" metric 4096 2>/dev/null
in_ns ip link del "$LC_BRIDGE" 2>/dev/null
if [[ -n $LC_NETNS && -e $LC_RUN/made-netns ]]; then
	ip netns del "$LC_NETNS" 2>/dev/null
	rm -f "$LC_RUN/made-netns"
fi
if [[ ${1:-} == --purge ]]; then rm -rf "$LC_STATE" "$LC_RUN"; fi
say "down"
exit 0
