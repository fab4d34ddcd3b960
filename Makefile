# Everything a person or CI runs. Needs Node >= 20 and npm; brings its own Node 26 through npm.
.DEFAULT_GOAL := help
STAMP := node_modules/.installed
KEEP ?=
ONLY ?=
KAFKA ?=
NODES ?= 1
PORT ?= 9092
PURGE ?=

$(STAMP): package.json package-lock.json
	@echo "installing (once)…"
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: demo kafka kafka-stop cluster cluster-stop images e2e test check bench generate install help

demo: $(STAMP) ## wake, load, roll out and put to sleep the hello functions; KEEP=1 leaves them running, KAFKA=1 puts events on a real Kafka
	@npm run -s demo -- $(if $(KEEP),--keep) $(if $(KAFKA),--kafka)

kafka: $(STAMP) ## a Kafka to develop against, KAFKA_BROKERS', or one on the machine's JDK, or in a container; NODES=3, PORT=9092
	@npm run -s kafka -- up --nodes $(NODES) --port $(PORT)

kafka-stop: $(STAMP) ## end it and throw its data away
	@npm run -s kafka -- down

cluster: $(STAMP) ## a Kubernetes for tests: KUBECONFIG's, or kind on Docker, or one built here (root, Go; 8 min once, then 10 s)
	@npm run -s cluster -- up

cluster-stop: $(STAMP) ## end it; PURGE=1 throws its data away too
	@npm run -s cluster -- down $(if $(PURGE),--purge)

images: $(STAMP) ## all images in dist/images, without Docker, and into the cluster if one runs; images/Dockerfile makes the same
	@npm run -s images -- --load

test: $(STAMP) ## checks, then all tests that need no cluster
	@npm test -s

e2e: $(STAMP) ## a cluster, the images, `helm install`, all of test/e2e, and everything away again; KEEP=1 leaves it, ONLY=pattern
	@npm run -s e2e -- $(if $(KEEP),--keep) $(if $(ONLY),--only '$(ONLY)')

check: $(STAMP) ## format, lint, types, generated files fresh, unit tests (< 60 s)
	@npm run -s check

bench: $(STAMP) ## measure everything in docs/benchmarks.md again
	@npm run -s bench

generate: $(STAMP) ## write crds/ and other generated files anew
	@npm run -s generate

install: $(STAMP) ## install dependencies from package-lock.json

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
