#!/usr/bin/env bash
# Usage: build.sh [kubernetes] [pause] [coredns] [helm] [kubectl] [kind]   (default: the first four)
# From the Go module proxy into $LC_CACHE/<component>-<version>-<machine>, with
# links in $LC_BIN. What is there already is not built again, and nothing on
# disk is half a build. Eight minutes on two cores the first time.
set -euo pipefail
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
machine=$(uname -m)
export CGO_ENABLED=0 GOTOOLCHAIN=${GOTOOLCHAIN:-local} GOWORK=off
# The compiler's own garbage collection costs more than memory does here.
export GOGC=${GOGC:-400}

# Kubernetes reads its own version from these; unstamped, /version says
# v0.0.0-master+$Format:%H$ and anything that parses it (Helm charts'
# kubeVersion, node version, kubectl's skew warning) goes wrong.
kube_ldflags() {
	local major minor pkg out="-s -w"
	IFS=. read -r major minor _ <<<"${KUBE_VERSION#v}"
	for pkg in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		out+=" -X $pkg.gitMajor=$major -X $pkg.gitMinor=$minor -X $pkg.gitVersion=$KUBE_VERSION"
		out+=" -X $pkg.gitCommit=0000000000000000000000000000000000000000 -X $pkg.gitTreeState=archive"
		out+=" -X $pkg.buildDate=1970-01-01T00:00:00Z"
	done
	printf '%s' "$out"
}

build_kubernetes() { # OUT
	local v
	local -a flags
	cd "$LC_DIR"
	v=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
	[[ $v == "$KUBE_VERSION" ]] || die "go.mod has Kubernetes $v, env.sh $KUBE_VERSION: run gen-gomod.sh"
	flags=(-mod=readonly -trimpath -buildvcs=false "-tags=grpcnotrace,notest" -ldflags "$(kube_ldflags)")
	go build "${flags[@]}" -o "$1/" \
		k8s.io/kubernetes/cmd/kube-apiserver \
		k8s.io/kubernetes/cmd/kube-controller-manager \
		k8s.io/kubernetes/cmd/kube-scheduler \
		k8s.io/kubernetes/cmd/kubelet \
		k8s.io/kubernetes/cmd/kube-proxy \
		k8s.io/kubernetes/cmd/kubectl
	go build "${flags[@]}" -o "$1/etcd" go.etcd.io/etcd/server/v3
}

build_pause() { # OUT
	cd "$LC_DIR/pause"
	go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$1/pause" .
	node archive.ts "$1/pause" "$LC_PAUSE_IMAGE" "$1/pause.tar"
}

build_kubectl() {
	cd "$LC_DIR"
	go build -mod=readonly -trimpath -buildvcs=false -ldflags "$(kube_ldflags)" -o "$1/" k8s.io/kubernetes/cmd/kubectl
}

go_install() { # OUT VERSIONED-PACKAGE LDFLAGS
	(cd / && GOBIN=$1 GOFLAGS=-mod=mod go install -trimpath -ldflags "-s -w $3" "$2")
}

build_coredns() { go_install "$1" "github.com/coredns/coredns@$COREDNS_VERSION" ""; }

build_kind() { go_install "$1" "sigs.k8s.io/kind@$KIND_VERSION" ""; }

build_helm() { # OUT
	local minor
	IFS=. read -r _ minor _ <<<"$KUBE_VERSION"
	go_install "$1" "helm.sh/helm/v3/cmd/helm@$HELM_VERSION" \
		"-X helm.sh/helm/v3/internal/version.version=$HELM_VERSION -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=$minor"
}

cached() { # COMPONENT VERSION
	local out=$LC_CACHE/$1-$2-$machine staging t=$SECONDS file
	if [[ ! -d $out ]]; then
		need go
		say "building $1 $2 (once)"
		staging=$LC_CACHE/.building-$1-$$
		rm -rf "$staging"
		mkdir -p "$staging"
		("build_$1" "$staging") || { rm -rf "$staging"; die "$1 $2 could not be built"; }
		mv -T "$staging" "$out"
		say "$1 $2: $((SECONDS - t))s"
	fi
	for file in "$out"/*; do
		if [[ $(readlink "$LC_BIN/${file##*/}") != "$file" ]]; then ln -sfn "$file" "$LC_BIN/${file##*/}"; fi
	done
}

mkdir -p "$LC_BIN"
exec 9>"$LC_CACHE/.lock"
flock 9 # two builds at once would take twice as long each
[[ $# -gt 0 ]] || set -- kubernetes pause coredns helm
for component; do
	case $component in
	kubernetes | kubectl) cached "$component" "$KUBE_VERSION" ;;
	pause) cached pause 1 ;;
	coredns) cached coredns "$COREDNS_VERSION" ;;
	helm) cached helm "$HELM_VERSION" ;;
	kind) cached kind "$KIND_VERSION" ;;
	*) die "what is $component?" ;;
	esac
done
