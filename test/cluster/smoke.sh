#!/usr/bin/env bash
# Usage: smoke.sh — runs a small server of node behind a Service, and
# checks pod network, ClusterIP from host and pod, hairpin, NodePort, exec,
# logs, a projected token against the API, refusal of unused addresses, and an
# in-place resize (cgroup value and restart count). Exit status 0: all passed.
set -euo pipefail
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
root=$LC_DIR/../..
[[ -f $root/dist/images/tag ]] || die "needs an image with node: make images"
tag=$(<"$root/dist/images/tag")
img=localhost/dormouse-runtime-node:$tag
fails=0
check() { # WHAT EXPECTED ACTUAL
	if [[ $3 == *"$2"* ]]; then say "ok   $1"; else say "FAIL $1: expected '$2', got '$3'"; fails=$((fails + 1)); fi
}

"$LC_DIR/cluster.sh" load "$root/dist/images/dormouse-runtime-node-$tag.tar"
server=$(
	cat <<'JS'

const http = require('node:http'), fs = require('node:fs'), https = require('node:https');
const sa = '/var/run/secrets/kubernetes.io/serviceaccount/';
const get = (mod, url, opt) => new Promise((ok) => {
  const r = mod.get(url, { timeout: 3000, agent: false, ...opt }, (x) => { let d = ''; x.on('data', (c) => (d += c)); x.on('end', () => ok(x.statusCode + ' ' + d)); });
  r.on('timeout', () => r.destroy(new Error('timeout'))); r.on('error', (e) => ok('ERR ' + e.message));
});
http.createServer(async (q, r) => {
  const u = new URL(q.url, 'http://x');
  if (u.pathname === '/get') return r.end(await get(http, u.searchParams.get('u')));
  if (u.pathname === '/api') return r.end(await get(https, `https://${process.env.KUBERNETES_SERVICE_HOST}:${process.env.KUBERNETES_SERVICE_PORT}/apis`, { ca: fs.readFileSync(sa + 'ca.crt'), headers: { authorization: 'Bearer ' + fs.readFileSync(sa + 'token', 'utf8') } }));
  r.end('hello from ' + require('node:os').hostname());
}).listen(8080, () => console.log('listening'));
process.on('SIGTERM', () => process.exit(0));
JS
)

# JSON is YAML, and quotes whatever there is in a script.
SMOKE_SCRIPT=$(SERVER=$server node -p 'JSON.stringify(process.env.SERVER)')
kctl apply -f - >/dev/null <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: smoke}
spec:
  replicas: 2
  selector: {matchLabels: {app: smoke}}
  template:
    metadata: {labels: {app: smoke}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
      - name: app
        image: $img
        imagePullPolicy: IfNotPresent
        command: [/usr/bin/node, -e, $SMOKE_SCRIPT]
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
        resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {cpu: 500m, memory: 128Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: smoke}
spec:
  type: NodePort
  selector: {app: smoke}
  ports: [{port: 80, targetPort: 8080}]
YAML
kctl rollout status deployment/smoke --timeout=120s >&2
mapfile -t pods < <(kctl get pods -l app=smoke -o jsonpath='{range .items[*]}{.metadata.name}{"\n"}{end}')
ip=$(kctl get pod "${pods[0]}" -o jsonpath='{.status.podIP}')
ip2=$(kctl get pod "${pods[1]}" -o jsonpath='{.status.podIP}')
svc=$(kctl get service smoke -o jsonpath='{.spec.clusterIP}')
port=$(kctl get service smoke -o jsonpath='{.spec.ports[0].nodePort}')
get() { in_ns curl -s -m 5 "$1" 2>&1 || echo "curl: $?"; }

check "host to pod" "hello from ${pods[0]}" "$(get "http://$ip:8080/")"
check "host to ClusterIP" "hello from" "$(get "http://$svc/")"
check "host to NodePort" "hello from" "$(get "http://$LC_NODE_IP:$port/")"
check "pod to pod" "hello from ${pods[1]}" "$(get "http://$ip:8080/get?u=http://$ip2:8080/")"
seen=
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do seen+=$(get "http://$ip:8080/get?u=http://$svc/"); done
check "pod to ClusterIP, other endpoint" "${pods[1]}" "$seen"
check "pod to ClusterIP, itself (hairpin)" "${pods[0]}" "$seen"
check "pod to API with its token" "200 " "$(get "http://$ip:8080/api")"
check "unused service address refused" "ERR" "$(get "http://$ip:8080/get?u=http://${LC_SERVICE_CIDR%.*.*}.250.250:80/")"
check "logs" "listening" "$(kctl logs "${pods[0]}")"
check "exec" "v" "$(kctl exec "${pods[0]}" -- /usr/bin/node --version)"

kctl patch pod "${pods[0]}" --subresource resize --type strategic \
	-p '{"spec":{"containers":[{"name":"app","resources":{"requests":{"cpu":"100m","memory":"96Mi"},"limits":{"cpu":"800m","memory":"192Mi"}}}]}}' >/dev/null
limit=
for _ in $(seq 1 60); do
	limit=$(kctl get pod "${pods[0]}" -o jsonpath='{.status.containerStatuses[0].resources.limits.memory}/{.status.containerStatuses[0].resources.limits.cpu}')
	[[ $limit != 192Mi/800m ]] || break
	sleep 0.5
done
check "in-place resize, status" "192Mi/800m" "$limit"
uid=$(kctl get pod "${pods[0]}" -o jsonpath='{.metadata.uid}')
cid=$(kctl get pod "${pods[0]}" -o jsonpath='{.status.containerStatuses[0].containerID}')
cg=/sys/fs/cgroup/memory/$LC_CGROUP/kubepods/burstable/pod$uid/${cid#containerd://}
check "in-place resize, memory cgroup" "201326592" "$(cat "$cg/memory.limit_in_bytes" 2>&1)"
check "in-place resize, cpu cgroup" "80000" "$(cat "${cg/memory/cpu}/cpu.cfs_quota_us" 2>&1)"
check "in-place resize, no restart" "0" "$(kctl get pod "${pods[0]}" -o jsonpath='{.status.containerStatuses[0].restartCount}')"
kctl delete deployment/smoke service/smoke --wait=false >/dev/null
[[ $fails == 0 ]] || die "$fails checks failed"
say "all passed"
