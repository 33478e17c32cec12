.PHONY: run test bench chaos replay stock release check fmt generate install clients lock

python := .venv/bin/python

run: install      ## install what is missing, then the whole story; ARGS=--allow-fallback without QEMU
	@$(python) -m deploy.demo $(ARGS)

test: clients     ## every test, on real parts
	@$(python) -m tests.reaper $(python) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: install    ## figures beside their peers; ONLY=provision for some, ARGS=--quick for a look
	@$(python) -m bench --only "$(ONLY)" $(ARGS)

chaos: install    ## everything dies at every step under a mixed load; ARGS=--seed N plays it again
	@$(python) -m tests.chaos.chaos $(ARGS)
	@echo "\n> BMCs that lie: every lie from every step on"
	@MULLIGAN_ALL_CELLS=1 $(python) -m pytest -q tests/faults/test_lying_bmc_workflows.py
	@$(python) -m tests.mulligan.resource.claim_storm --seconds 60
	@echo "\n> 100,000 hostile messages"
	@MULLIGAN_HOSTILE_MESSAGES=470 $(python) -m pytest -q tests/api/test_hostile_messages.py

replay: install   ## the whole of other people's workloads, an hour; ARGS="--only haizea" for some
	@MULLIGAN_ALL_TOPOLOGIES=1 $(python) -m pytest -q tests/mulligan/resource/test_topologies.py
	@$(python) -m tests.mulligan.resource.trace_replay $(ARGS)

stock: install    ## a stock Debian with cloud-init, built here, in both config formats; needs mmdebstrap
	@command -v mmdebstrap >/dev/null || { echo "install mmdebstrap first: apt-get install mmdebstrap" >&2; exit 1; }
	@$(python) -m pytest tests/e2e/stock/stock_image.py

release: install  ## what this version leaves behind, into releases/; ARGS=--again replaces it
	@$(python) -m tests.releases.make $(ARGS)

check: install    ## format, lint, strict types, proto lint, nothing breaks releases, import rules
	@$(python) -m ruff format --check
	@$(python) -m ruff check
	@$(python) -m mypy
	@$(python) -m deploy.protos lint
	@$(python) -m deploy.releases
	@.venv/bin/lint-imports

fmt: install      ## put the code into its format
	@$(python) -m ruff check --fix --select I
	@$(python) -m ruff format

generate: install ## the clients' code from proto/
	@$(python) -m deploy.protos

install:
	@deploy/install.sh

clients: install  ## the Go and TypeScript clients, with what they need
	@deploy/install.sh clients

lock:             ## pin the dependencies of both pyproject files; UPGRADE=--upgrade for newer ones
	@"$$(deploy/install.sh uv)" pip compile --quiet --universal --generate-hashes --no-header \
		--no-annotate --group dev --python-version 3.11 $(UPGRADE) \
		pyproject.toml clients/python/pyproject.toml -o requirements.lock
	@sed -i '/^-e /d' requirements.lock
