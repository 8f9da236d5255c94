# Everything that is done to this repository. `make` alone lists it.
SHELL := /bin/sh
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
LOCAL := node k8s-dev/local/src/cli.ts
FAULTS := node --conditions=@confab/source test/faults/main.ts
CLUSTER := node --conditions=@confab/source k8s-dev/cluster/src/cli.ts
GENERATED := docs/reference charts/confab/README.md charts/confab/dashboards charts/confab/rules

.DEFAULT_GOAL := help
.PHONY: help setup up down logs dev status reset images cluster deploy cluster-down test check test-chart e2e lint format generate generate-check fuzz bench faults faults-foreign

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing: npm, dependencies, generated code
	@k8s-dev/local/setup.sh

up: setup ## Start everything in the background, on http://localhost:8080
	@$(LOCAL) up

down: setup ## Stop exactly what `up` started; the data stays
	@$(LOCAL) down

logs: setup ## Follow the logs, readable; one of them: make logs NAME=worker
	@$(LOCAL) logs $(NAME)

dev: setup ## Run everything attached to this terminal, restarting on change
	@$(LOCAL) dev

status: setup ## Show what runs where
	@$(LOCAL) status

reset: setup ## Stop everything and drop the data (asks; YES=1 does not)
	@$(LOCAL) reset $(if $(YES),--yes)

images: ## Build the image with docker, podman or buildah (k8s-dev/images/build.sh --help)
	@sh k8s-dev/images/build.sh

cluster: setup ## Make a kind cluster for development, or look at the one of KUBECONFIG
	@$(CLUSTER) up

deploy: setup ## Build the image and install or upgrade the chart in the cluster
	@$(CLUSTER) deploy

cluster-down: setup ## Remove the kind cluster and all data in it
	@$(CLUSTER) down

test: setup check ## Check everything, then run all tests on real stores, with coverage
	@npm run --silent coverage

test-chart: setup ## Test the Helm chart alone, without a cluster
	@npm run --silent test-chart

e2e: setup ## Prove image and chart on the cluster of KUBECONFIG (docs/how-to/test-on-a-cluster.md)
	@npm run --silent e2e

check: setup generate-check ## Types, lint, format, architecture, unused code, prose, commit messages, generated documents
	@npm run --silent typecheck
	@npm run --silent lint
	@npm run --silent format:check
	@npm run --silent architecture
	@npm run --silent unused
	@npm run --silent prose
	@npm run --silent commits

lint: setup ## ESLint alone
	@npm run --silent lint

format: setup ## Format all files
	@npm run --silent format

generate: setup ## Make the generated code and documents anew
	@npm run --silent generate

generate-check: setup ## Fail when a committed document is not what its source gives
	@npm run --silent generate
	@git diff --exit-code --stat -- $(GENERATED) && test -z "$$(git ls-files --others --exclude-standard -- $(GENERATED))" || \
		{ echo "A generated document is not what its source gives: run make generate and commit it."; exit 1; }

fuzz: setup ## Send CASES (10000) generated requests, and find server errors and undescribed answers; SEED repeats a run
	@npm run --silent fuzz

bench: setup ## Measure accepted and drained messages a second (see bench/)
	@npm run --silent --workspace bench bench

faults: setup ## Break everything under load and judge it from outside; ONE=… SEED=… SEEDS=… MINUTES=… LIST=1
	@$(FAULTS) $(if $(ONE),--one $(ONE)) $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) \
		$(if $(MINUTES),--minutes $(MINUTES)) $(if $(REPORT),--report $(REPORT)) $(if $(AGAIN),--again) \
		$(if $(CONTROLS),--controls) $(if $(VERIFY),--verify) $(if $(LIST),--list)

faults-foreign: setup ## Judge recorded runs of the fault suite by Porcupine too; needs Go
	@node test/faults/foreign/compare.ts
