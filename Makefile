# Everything a person does here, by name. `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help run up down test check bench dist shows fmt clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Ports of run and up, from the environment: OLYMPUS_PORT (8080), OLYMPUS_ADMIN_PORT (9090),"
	@echo "  OLYMPUS_METRICS_PORT (9091), OLYMPUS_POSTGRES_PORT (5499), OLYMPUS_REDIS_PORT (6399)."
	@echo "  OLYMPUS_COMMERCE_PORT (9001 to 9003), OLYMPUS_AUTH_PORT (9011), OLYMPUS_ANALYTICS_PORT (9021) only together"
	@echo "  with endpoints to match in OLYMPUS_CONF."
	@echo "  Also: OLYMPUS_BIND (127.0.0.1), OLYMPUS_CONF (examples/stack/gateway.toml), OLYMPUS_PROFILE (release),"
	@echo "  OLYMPUS_BIN_DIR (programs already built: no build)."

run: ## install what is missing, build, start everything, end it on Ctrl-C
	@examples/stack/run

up: ## the same in the background; returns when all is ready
	@examples/stack/up

down: ## end what run or up started
	@examples/stack/down

test: ## every test, Rust and Python
	@.ci/test

check: ## formatting, lints, documentation, licences, configuration files
	@.ci/check

bench: ## microbenchmarks, then the comparison with other proxies under load
	cargo bench --locked
	python3 benches/compare

dist: ## the program for production: as shipped, and its code in the order in which requests run through it
	python3 benches/compare/layout.py

shows: ## the timed and destructive demonstrations, one after the other
	@.ci/shows

fmt: ## format the Rust code
	cargo fmt

clean: down ## remove everything built or made here
	@examples/stack/forget
	cargo clean
