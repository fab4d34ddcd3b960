# shellcheck shell=bash disable=SC2034
# Settings and helpers shared by the scripts here; sourced, never run.
# Every setting written as ${NAME:-…} can be overridden from the environment.

LC_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# --- places -----------------------------------------------------------------
LC_CACHE=${LC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dormouse/cluster} # what build.sh makes, by component and version
LC_BIN=${LC_BIN:-$LC_CACHE/bin}                  # links to the versions below
LC_STATE=${LC_STATE:-/var/lib/local-cluster}     # etcd, images, kubelet, pki, logs
LC_RUN=${LC_RUN:-/run/local-cluster}             # sockets, pids (keep it short: unix socket paths end at 107 bytes)
LC_LOG=${LC_LOG:-$LC_STATE/log}
LC_PKI=$LC_STATE/pki
LC_CONF=$LC_STATE/conf
LC_KUBECONFIG=$LC_STATE/admin.kubeconfig
LC_CONTAINERD_SOCK=$LC_RUN/containerd.sock

# --- versions ---------------------------------------------------------------
# Part of the cache's paths: another version is another build. Kubernetes' stands in go.mod too: gen-gomod.sh.
KUBE_VERSION=v1.35.4
COREDNS_VERSION=v1.14.7
HELM_VERSION=v3.21.4
KIND_VERSION=v0.31.0

# --- cluster ----------------------------------------------------------------
LC_NODE=${LC_NODE:-local}                        # node name
LC_NODE_IP=${LC_NODE_IP:-10.89.0.1}              # lives on $LC_BRIDGE, independent of the machine's own address
LC_BRIDGE=${LC_BRIDGE:-lc-node0}
LC_CGROUP=${LC_CGROUP:-local-cluster}            # all pods are below it
LC_SERVICE_CIDR=${LC_SERVICE_CIDR:-10.96.0.0/16}
LC_SERVICE_IP=${LC_SERVICE_IP:-10.96.0.1}        # first address of the service range: "kubernetes"
LC_POD_CIDR=${LC_POD_CIDR:-10.244.0.0/16}
LC_DOMAIN=${LC_DOMAIN:-cluster.local}
LC_API_PORT=${LC_API_PORT:-6443}
LC_ETCD_PORT=${LC_ETCD_PORT:-2379}
LC_PROXY_MODE=${LC_PROXY_MODE:-auto}             # nftables | iptables | auto
LC_DNS=${LC_DNS:-auto}                           # 1 | 0 | auto (1 when $LC_BIN/coredns exists)
LC_ALLOW_EGRESS=${LC_ALLOW_EGRESS:-0}            # 1: let pods reach beyond this machine (masqueraded by nothing here)
LC_NETNS=${LC_NETNS:-}                           # run everything in this (created) network namespace
LC_PAUSE_IMAGE=localhost/local-cluster/pause:1
LC_V=${LC_V:-2}                                  # log level of the Kubernetes processes
LC_KUBELET_FEATURE_GATES=${LC_KUBELET_FEATURE_GATES:-}       # "A=true,B=false"
LC_APISERVER_FLAGS=${LC_APISERVER_FLAGS:-}                   # extra flags, space separated
LC_CONTROLLER_FLAGS=${LC_CONTROLLER_FLAGS:---horizontal-pod-autoscaler-sync-period=5s}

say() { printf '%s %s\n' "$(date +%T)" "$*" >&2; }
die() { say "error: $*"; exit 1; }
need() { local c; for c in "$@"; do command -v "$c" >/dev/null || die "needs $c"; done; }

# in_ns CMD...: runs CMD in the cluster's network namespace. Not "ip netns
# exec": that mounts a new /sys, which hides the cgroup v1 mounts, and runc
# then fails with "no cgroup mount found in mountinfo".
in_ns() {
	if [[ -n $LC_NETNS ]]; then nsenter "--net=/run/netns/$LC_NETNS" -- "$@"; else "$@"; fi
}

bin() { # the built command, else the one on PATH
	if [[ -x $LC_BIN/$1 ]]; then printf '%s\n' "$LC_BIN/$1"; else command -v "$1" || die "no $1 in $LC_BIN or on PATH: run build.sh"; fi
}

kctl() { in_ns "$(bin kubectl)" --kubeconfig "$LC_KUBECONFIG" "$@"; }
lc_ctr() { ctr --address "$LC_CONTAINERD_SOCK" --namespace k8s.io "$@"; }

# --- processes: only those started here are ever signalled ------------------
start_time() { # a pid's start time, so that a reused pid is never mistaken for ours
	local s
	s=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	s=${s##*) }
	# shellcheck disable=SC2086
	set -- $s
	[[ $1 != Z ]] || return 1 # a zombie is gone, whenever init collects it
	printf '%s\n' "${20}"
}

running() { # NAME: is the process recorded under NAME alive?
	local pid at
	[[ -f $LC_RUN/pid/$1 ]] || return 1
	read -r pid at <"$LC_RUN/pid/$1" || return 1
	[[ $(start_time "$pid") == "$at" ]]
}

LC_PROCESSES=(etcd kube-apiserver kube-controller-manager kube-scheduler containerd coredns kubelet kube-proxy)
all_running() {
	local name
	for name in "${LC_PROCESSES[@]}"; do running "$name" || return 1; done
}

start() { # NAME CMD...: in the background, own session, logged, pid recorded
	local name=$1 pid
	shift
	if running "$name"; then say "$name is already running"; return 0; fi
	mkdir -p "$LC_RUN/pid" "$LC_LOG"
	local -a pre=()
	if [[ -n $LC_NETNS ]]; then pre=(nsenter "--net=/run/netns/$LC_NETNS" --); fi
	setsid "${pre[@]}" "$@" >>"$LC_LOG/$name.log" 2>&1 </dev/null &
	pid=$!
	sleep 0.2
	printf '%s %s\n' "$pid" "$(start_time "$pid" || echo gone)" >"$LC_RUN/pid/$name"
	running "$name" || { tail -n 20 "$LC_LOG/$name.log" >&2; die "$name did not start; see $LC_LOG/$name.log"; }
	say "started $name ($pid)"
}

stop() { # NAME [SECONDS]: SIGTERM, then SIGKILL
	local pid at i
	if running "$1"; then
		read -r pid at <"$LC_RUN/pid/$1"
		kill -TERM "$pid" 2>/dev/null || true
		for ((i = 0; i < ${2:-15} * 10; i++)); do
			[[ $(start_time "$pid") == "$at" ]] || break
			sleep 0.1
		done
		if [[ $(start_time "$pid") == "$at" ]]; then kill -KILL "$pid" 2>/dev/null || true; fi
		say "stopped $1 ($pid)"
	fi
	rm -f "$LC_RUN/pid/$1"
}

wait_for() { # SECONDS WHAT CMD...: until CMD succeeds
	local secs=$1 what=$2 i
	shift 2
	for ((i = 0; i < secs * 5; i++)); do
		if "$@" >/dev/null 2>&1; then say "$what: ok"; return 0; fi
		sleep 0.2
	done
	die "$what: not within ${secs}s"
}

render() { # TEMPLATE FILE: @NAME@ becomes the value of $NAME
	local text name
	text=$(<"$1")
	while [[ $text =~ @([A-Z][A-Z0-9_]*)@ ]]; do
		name=${BASH_REMATCH[1]}
		[[ -v $name ]] || die "$1: no value for @$name@"
		text=${text//"@$name@"/"${!name}"}
	done
	# kube-proxy ends when its file is written anew, even with the same.
	if [[ ! -f $2 || $(<"$2") != "$text" ]]; then printf '%s\n' "$text" >"$2"; fi
}
