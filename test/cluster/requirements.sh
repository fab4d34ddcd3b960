#!/usr/bin/env bash
# Usage: requirements.sh — can there be a cluster on this machine? Installs
# missing Debian packages. Exit status 3 and one sentence when there cannot.
set -euo pipefail
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
cannot() { printf 'no cluster can be started here: %s\n' "$*" >&2; exit 3; }

[[ $(uname -s) == Linux ]] || cannot "this is $(uname -s), and the kubelet needs Linux"
[[ $(id -u) == 0 ]] || cannot "the container runtime needs root, this is $(id -un)"

# Either of the two hierarchies with the controllers that pods are limited by.
if [[ -f /sys/fs/cgroup/cgroup.controllers ]]; then
	for c in cpu cpuset memory pids; do
		grep -qw "$c" /sys/fs/cgroup/cgroup.controllers || cannot "the cgroup controller $c is missing in /sys/fs/cgroup/cgroup.controllers"
	done
else
	for c in cpu cpuacct cpuset memory; do
		grep -qE "^[^ ]+ /sys/fs/cgroup/[^ ]* cgroup [^ ]*\b$c\b" /proc/mounts || cannot "the cgroup controller $c is not mounted under /sys/fs/cgroup"
	done
fi

built=1
for c in kube-apiserver coredns helm pause; do [[ -x $LC_BIN/$c ]] || built=0; done
if [[ $built == 0 ]]; then
	command -v go >/dev/null || cannot "Kubernetes is built from source, and there is no Go (1.25 or later)"
	version=$(go env GOVERSION)
	IFS=. read -r _ minor _ <<<"${version#go}."
	[[ ${minor%%[a-z]*} -ge 25 ]] || cannot "Kubernetes is built with Go 1.25 or later, this is $version"
fi

# command=package
wanted=(containerd=containerd ctr=containerd runc=runc iptables=iptables nft=nftables conntrack=conntrack
	ip=iproute2 openssl=openssl curl=curl socat=socat strip=binutils nsenter=util-linux flock=util-linux)
missing=()
for w in "${wanted[@]}"; do command -v "${w%%=*}" >/dev/null || missing+=("${w##*=}"); done
[[ -x /usr/lib/cni/ptp || -x /opt/cni/bin/ptp ]] || missing+=(containernetworking-plugins)
if [[ ${#missing[@]} -gt 0 ]]; then
	command -v apt-get >/dev/null || cannot "missing are ${missing[*]} (as Debian names them), and there is no apt-get to install them with"
	say "installing ${missing[*]}"
	log=$(mktemp)
	export DEBIAN_FRONTEND=noninteractive
	{ apt-get update -q && apt-get install -qy --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 ||
		{ tail -n 5 "$log" >&2; cannot "apt-get could not install ${missing[*]}; its log is $log"; }
	rm -f "$log"
fi
