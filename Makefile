# Everything that a person types: make run, make test, make bench, make publish.
PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 3 # processes that share the tests: while one waits for SLURM, the others compute
BIN = $(VENV)/bin
INSTALLED = $(VENV)/.installed

.PHONY: help setup lock run publish deliver image quick test nightly bench fuzz sandbox lint format system-packages clean
.DEFAULT_GOAL := help

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 18

setup: $(INSTALLED) ## set up .venv from the pinned lock in envs/

$(INSTALLED): envs/requirements.txt envs/cuda.txt pyproject.toml $(wildcard plugins/submitit/pyproject.toml)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; give one as PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python envs/install.py
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e . $(patsubst %/pyproject.toml,-e %,$(wildcard plugins/submitit/pyproject.toml))
	touch $@

lock: $(INSTALLED) ## make the lock in envs/ anew after a change of dependencies; make lock UPGRADE=numpy raises one pin
	$(BIN)/python envs/lock.py $(if $(UPGRADE),--upgrade-package $(UPGRADE))

run: $(INSTALLED) ## run the demonstration experiment (surrogate data) on this machine's cores
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/snakemake --cores all --logger cascada
	$(BIN)/cascada summary results/demonstration

publish: $(INSTALLED) ## version the data set and the selected model; make publish VERSION=1.2.0 EXPERIMENT=experiments/thesis.yaml
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/snakemake --cores 1 publish $(if $(EXPERIMENT),--configfile $(EXPERIMENT)) $(if $(VERSION),--config version=$(VERSION))

deliver: $(INSTALLED) ## try a published version in the shadow of the running server, then switch over or refuse; make deliver VERSION=1.2.0
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cascada deliver --rules "$$RULES" -- "$$VERSION"

deliver: export VERSION ?=
deliver: export RULES ?= deploy/delivery.yaml

# of the environment: PIP_FIND_LINKS, a folder of wheels that can be read while the image is built and is not part of it; PIP_NO_INDEX=1, nothing else
image: ## build an image that serves, with buildah; make image BASE=localhost/base pulls nothing; TARGET=whole has all that the workflow needs
	buildah bud --file Containerfile --target $(TARGET) --tag $(IMAGE) $(if $(BASE),--pull-never --build-arg BASE=$(BASE)) \
	    $(if $(wildcard $(PIP_FIND_LINKS)),--volume $(PIP_FIND_LINKS):$(PIP_FIND_LINKS):ro --build-arg PIP_FIND_LINKS=$(PIP_FIND_LINKS)) \
	    $(if $(PIP_NO_INDEX),--build-arg PIP_NO_INDEX=$(PIP_NO_INDEX)) .

image: export BUILDAH_ISOLATION ?= chroot
image: TARGET ?= serve
image: IMAGE ?= cascada-$(TARGET)

quick: $(INSTALLED) ## run the tests that need no SLURM, training, workflow or browser: under two minutes
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m quick $(PYTEST_ARGUMENTS)

test: $(INSTALLED) system-packages ## run all tests but the nightly ones: what CI runs
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGUMENTS)

# one after the other, and all of them although one fails; PYTEST_ARGUMENTS choose among the tests of each
NIGHTLY = nightly-coverage nightly-fuzz nightly-sdist nightly-debian-13

nightly: ## run everything: all tests with coverage, long fuzz, the executor from its source distribution, and on Debian 13 (SLURM 24.11; root)
	$(MAKE) --keep-going $(NIGHTLY)

.PHONY: $(NIGHTLY)

nightly-coverage: $(INSTALLED) system-packages # every test, the nightly ones too; a page in htmlcov/
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "" \
	    --cov --cov-report=term:skip-covered --cov-report=html $(PYTEST_ARGUMENTS)

nightly-fuzz: $(INSTALLED)
	$(BIN)/python -m tests.fuzzing --mutants 20000 --seed $$(date +%j)

nightly-sdist: $(INSTALLED) system-packages
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python plugins/submitit/tests/from_sdist.py -m slurm $(PYTEST_ARGUMENTS)

nightly-debian-13: $(INSTALLED) system-packages
	PYTHON="$(CURDIR)/$(BIN)/python" plugins/submitit/tests/debian_13.sh -m slurm $(PYTEST_ARGUMENTS)

bench: $(INSTALLED) ## run the benchmarks, side by side with the peers
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m benchmarks

fuzz: $(INSTALLED) ## mutate files of every source and read them, with progress; make fuzz MUTANTS=100000 SEED=2
	$(BIN)/python -m tests.fuzzing $(if $(MUTANTS),--mutants $(MUTANTS)) $(if $(SEED),--seed $(SEED))

sandbox: $(INSTALLED) system-packages ## open a shell on a private SLURM of two nodes, with accounting; exit ends it
	PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH=plugins/submitit/tests $(BIN)/python -m slurm_sandbox --accounting

system-packages: # SLURM and a browser for the tests, where they can be had
	sh tests/install_system_packages.sh

lint: $(INSTALLED) ## check style, imports, types, declared dependencies: what .pre-commit-config.yaml runs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy
	$(BIN)/deptry src
	$(BIN)/deptry plugins/submitit/src --config plugins/submitit/pyproject.toml

format: $(INSTALLED) ## bring the style in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

# `results`, or the folder of one experiment in it, may be a link to scratch: it is followed and stays; other links do not
FOLLOWED = -mindepth 1 -depth ! -name test.ledger.jsonl

clean: ## remove results, keep the environment, links to scratch and the ledgers of the sealed showers
	rm -rf .snakemake report.html report.zip
	for folder in results/*; do test ! -L "$$folder" -o ! -d "$$folder" || find -H "$$folder" $(FOLLOWED) \( ! -type d -o -empty \) -delete; done
	test ! -d results || find -H results $(FOLLOWED) ! \( -type l ! -path 'results/*/*' \) \( ! -type d -o -empty \) -delete
