# Everything a person or CI runs. Needs Node >= 20 and npm; brings its own Node 26 through npm.
.DEFAULT_GOAL := help
STAMP := node_modules/.installed
KEEP ?=

$(STAMP): package.json package-lock.json
	@echo "installing (once)…"
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: demo test check bench generate install help

demo: $(STAMP) ## wake, load, roll out and put to sleep the hello functions; KEEP=1 leaves them running
	@npm run -s demo -- $(if $(KEEP),--keep)

test: $(STAMP) ## checks, then all tests that need no cluster
	@npm test -s

check: $(STAMP) ## format, lint, types, generated files fresh, unit tests (< 60 s)
	@npm run -s check

bench: $(STAMP) ## measure everything in docs/benchmarks.md again
	@npm run -s bench

generate: $(STAMP) ## write crds/ and other generated files anew
	@npm run -s generate

install: $(STAMP) ## install dependencies from package-lock.json

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
