# All tasks of this repository. `make` alone lists them.
SHELL := /bin/sh
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
LOCAL := node packages/local/src/cli.ts
FAULTS := node --conditions=@confab/source test/faults/main.ts
CLUSTER := node --conditions=@confab/source k8s-dev/cluster/src/cli.ts
GENERATED := docs/reference packages/local/nginx-problems.conf charts/confab/README.md charts/confab/values.schema.json charts/confab/dashboards charts/confab/rules

.DEFAULT_GOAL := help
.PHONY: help setup up down logs dev status reset images cluster deploy cluster-down test coverage check test-chart e2e lint format generate generate-check fuzz bench faults faults-foreign

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing: npm, dependencies, generated code
	@packages/local/setup.sh

up: setup ## Start Confab in the background, on http://localhost:8080; settings are kept for the next start
	@$(LOCAL) up

down: setup ## Stop what `make up` started; the data stays
	@$(LOCAL) down

logs: setup ## Follow all logs in a readable form, or one: make logs NAME=worker
	@$(LOCAL) logs $(NAME)

dev: setup ## Run Confab in this terminal and restart services on change; INSPECT=api opens one to a debugger
	@$(LOCAL) dev $(INSPECT)

status: setup ## Show what runs, where, and what failed
	@$(LOCAL) status

reset: setup ## Stop Confab and remove data, logs and kept settings (asks first; YES=1 does not)
	@$(LOCAL) reset $(if $(YES),--yes)

images: ## Build the image with docker, podman or buildah (k8s-dev/images/build.sh --help)
	@sh k8s-dev/images/build.sh

cluster: setup ## Create a kind cluster for development, or check the cluster of KUBECONFIG
	@$(CLUSTER) up

deploy: setup ## Build the image and install or upgrade the chart in the cluster
	@$(CLUSTER) deploy

cluster-down: setup ## Remove the kind cluster and all data in it
	@$(CLUSTER) down

test: setup check ## Check everything, then run all tests on real stores
	@npm run --silent test

coverage: setup ## Run all tests and measure which lines and branches they reach
	@npm run --silent coverage

test-chart: setup ## Test the Helm chart alone, without a cluster
	@npm run --silent test-chart

e2e: needs-kubeconfig setup ## Test image and chart on the cluster of KUBECONFIG (docs/how-to/test-on-a-cluster.md)
	@npm run --silent e2e

.PHONY: needs-kubeconfig
needs-kubeconfig:
	@test -n "$$KUBECONFIG" || { echo "Set KUBECONFIG to the file of a cluster that nobody depends on: KUBECONFIG=… make e2e" >&2; exit 1; }

check: setup generate-check ## Check types, lint, format, architecture, unused code, prose, commit messages and generated documents
	@printf '%s\n' lint typecheck format:check architecture unused prose commits | xargs -P 2 -n 1 npm run --silent

lint: setup ## Run ESLint alone
	@npm run --silent lint

format: setup ## Format all files
	@npm run --silent format

generate: setup ## Generate code and documents from their sources
	@npm run --silent generate

generate-check: setup ## Fail when a generated document differs from its source
	@npm run --silent generate
	@git diff --exit-code --stat -- $(GENERATED) && test -z "$$(git ls-files --others --exclude-standard -- $(GENERATED))" || \
		{ echo "A generated document differs from its source: run make generate and commit the result."; exit 1; }

fuzz: setup ## Send CASES (10000) generated requests; report server errors and undocumented answers; SEED repeats a run
	@npm run --silent fuzz

bench: setup ## Compare speed with other designs and with the limits of the stores (see bench/); ARGS=--help
	@node --conditions=@confab/source bench/src/main.ts $(ARGS)

faults: setup ## Inject faults under load and check the promises from outside; ONE=… SEED=… SEEDS=… MINUTES=… LIST=1
	@$(FAULTS) $(if $(ONE),--one $(ONE)) $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) \
		$(if $(MINUTES),--minutes $(MINUTES)) $(if $(REPORT),--report $(REPORT)) $(if $(AGAIN),--again) \
		$(if $(CONTROLS),--controls) $(if $(VERIFY),--verify) $(if $(LIST),--list)

faults-foreign: setup ## Check recorded runs of the fault suite with Porcupine as well; needs Go
	@node test/faults/foreign/compare.ts
