#!/usr/bin/env bash
# Usage: cluster.sh up | down [--purge] | kubeconfig | load ARCHIVE... | fell PROCESS
#   up          a cluster for tests: the one that KUBECONFIG names, else kind
#               where Docker answers, else one built and started here
#   down        ends what `up` started, and nothing else
#   kubeconfig  prints the path of its kubeconfig; status 1 when there is none
#   load        makes images known to it
#   fell        stops one process of it (etcd, kube-apiserver, …), as faults do; `up` starts it again
# Standard output has the kubeconfig's path and nothing else. Status 3: there
# cannot be one here, with the reason.
set -euo pipefail
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
export PATH=$LC_BIN:$PATH
KIND_CLUSTER=dormouse
KIND_KUBECONFIG=$LC_CACHE/kind.kubeconfig

answers() { in_ns kubectl --kubeconfig "$1" --request-timeout=5s get --raw /readyz >/dev/null 2>&1; }

# Somebody else's: named by KUBECONFIG and not one of ours.
foreign() { [[ -n ${KUBECONFIG:-} && $KUBECONFIG != "$LC_KUBECONFIG" && $KUBECONFIG != "$KIND_KUBECONFIG" ]]; }

docker_answers() { command -v docker >/dev/null && timeout 10 docker info >/dev/null 2>&1; }

kubeconfig() {
	local file
	if foreign; then
		printf '%s\n' "$KUBECONFIG"
		return 0
	fi
	for file in "$KIND_KUBECONFIG" "$LC_KUBECONFIG"; do
		if [[ -f $file ]] && answers "$file"; then
			printf '%s\n' "$file"
			return 0
		fi
	done
	return 1
}

up() {
	local config
	if foreign; then
		answers "$KUBECONFIG" || die "the cluster of KUBECONFIG=$KUBECONFIG does not answer"
		say "KUBECONFIG is set: its cluster is used, nothing is started"
		printf '%s\n' "$KUBECONFIG"
	elif config=$(kubeconfig) && { [[ $config != "$LC_KUBECONFIG" ]] || all_running; }; then
		say "runs already"
		printf '%s\n' "$config"
	elif [[ ! -f $LC_KUBECONFIG && -z $LC_NETNS ]] && docker_answers; then
		kind_up
	else
		"$LC_DIR/requirements.sh"
		"$LC_DIR/build.sh"
		"$LC_DIR/up.sh"
	fi
}

kind_up() {
	"$LC_DIR/build.sh" kind helm kubectl
	kind create cluster --name "$KIND_CLUSTER" --kubeconfig "$KIND_KUBECONFIG" --wait 120s >&2
	printf '%s\n' "$KIND_KUBECONFIG"
}

down() {
	if foreign; then
		say "KUBECONFIG is set: its cluster is not ours to stop"
		return 0
	fi
	if [[ -f $KIND_KUBECONFIG ]]; then
		kind delete cluster --name "$KIND_CLUSTER" --kubeconfig "$KIND_KUBECONFIG" >&2
		rm -f "$KIND_KUBECONFIG"
	fi
	if [[ -d $LC_RUN || -d $LC_STATE ]]; then "$LC_DIR/down.sh" "$@"; fi
}

load() {
	local archive config name
	config=$(kubeconfig) || die "no cluster runs: make cluster"
	for archive; do
		if [[ $config == "$LC_KUBECONFIG" ]]; then
			# Tags are made from content: the same name is the same image.
			name=$(tar -xOf "$archive" manifest.json | sed -n 's/.*"RepoTags":\["\([^"]*\)".*/\1/p')
			if ! lc_ctr images ls -q | grep -qxF "$name"; then lc_ctr images import "$archive" >/dev/null; fi
		elif [[ $config == "$KIND_KUBECONFIG" ]]; then
			kind load image-archive "$archive" --name "$KIND_CLUSTER" >&2
		else
			die "images cannot be loaded into the cluster of KUBECONFIG=$config: push them to a registry of its own and set image.registry"
		fi
	done
}

fell() {
	foreign && die "the cluster of KUBECONFIG=$KUBECONFIG is not ours to disturb"
	running "$1" || die "no process $1 of ours runs"
	stop "$1" 0 # at once: a crash, not a farewell
}

command=${1:-}
shift || true
case $command in
up | down | kubeconfig | load | fell) "$command" "$@" ;;
*)
	sed -n '2,11p' "$0" >&2
	exit 2
	;;
esac
