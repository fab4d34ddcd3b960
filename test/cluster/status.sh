#!/usr/bin/env bash
# Usage: status.sh — what runs, and the last errors of each log.
set -uo pipefail
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
for n in "${LC_PROCESSES[@]}"; do
	if running "$n"; then state=up; else state=down; fi
	printf '%-26s %s\n' "$n" "$state"
	if [[ -f $LC_LOG/$n.log ]]; then grep -E '^[EF][0-9]{4} |level=(error|fatal)|panic:' "$LC_LOG/$n.log" | tail -n 2 | cut -c1-220 | sed 's/^/    /'; fi
done
if running kube-apiserver; then
	kctl get nodes -o wide
	kctl get pods -A -o wide
fi
