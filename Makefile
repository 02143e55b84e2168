# Everything a developer does here, each with one command. `make` alone lists them.
# The first one sets the folder up (local/bootstrap.sh): .venv and Azurite; after that it only checks.

.DEFAULT_GOAL := help
.PHONY: help setup demo up test fuzz day hostile soak lint audit package bench clean

PYTHON_OF_VENV := .venv/bin/python

help:
	@echo 'make demo    run everything once: a fleet of simulated chargers, through the queue into the tables, and checked'
	@echo 'make up      run everything until Ctrl-C, with the simulated fleet pushing'
	@echo 'make test    run the tests;         make test ARGS="-k sessions -x" passes options to pytest'
	@echo 'make fuzz    50,000 requests as nobody should send them, to the running host: some minutes'
	@echo 'make day     a day of 1,000 chargers with lost, late and repeated pushes, polled with both APIs: ten minutes'
	@echo "make hostile 5,000 bodies of anything and 2,000 real messages, damaged, into ingest: under a minute"
	@echo 'make soak    half an hour at half of the measured maximum; SOAK_SECONDS=60 make soak is the daily form'
	@echo 'make lint    check style, types and the workflows of .github; changes nothing'
	@echo 'make audit   ask whether a weakness is known of any library that Azure installs; needs the network'
	@echo 'make package build what "azd deploy" would send to Azure, as .run/emabler-azure.zip'
	@echo 'make bench   measure, and write the figures into docs/performance.md'
	@echo 'make clean   remove what the others made: .venv, Azurite, .run and caches'
	@echo
	@echo 'Needs Python 3.11 or newer (3.13 is taken where there is one; PYTHON=... chooses another), Node.js and a C'
	@echo 'compiler. Ports, tokens and all other settings are taken from the environment: FUNCTIONS_PORT=7072 make up'

setup:
	@local/bootstrap.sh

demo: setup
	@$(PYTHON_OF_VENV) -m local.demo

# The stack watches its parent, so that it also stops when make is killed.
up: setup
	@$(PYTHON_OF_VENV) -m local.stack up --stop-with-parent

test: setup
	@$(PYTHON_OF_VENV) -m pytest $(ARGS)

fuzz: setup
	@FUZZ_REQUESTS=50000 $(PYTHON_OF_VENV) -m pytest tests/taps/test_fuzz.py $(ARGS)

day: setup
	@DAY_CHARGERS=$${DAY_CHARGERS:-1000} $(PYTHON_OF_VENV) -m pytest tests/day $(ARGS)

hostile: setup
	@HOSTILE_SEED=$${HOSTILE_SEED:-$$(date +%s)} HOSTILE_BODIES=5000 HOSTILE_MESSAGES=2000 $(PYTHON_OF_VENV) -m pytest tests/hostile $(ARGS)

soak: setup
	@$(PYTHON_OF_VENV) -m bench.soak --seconds $${SOAK_SECONDS:-1800} $(ARGS)

lint: setup
	@$(PYTHON_OF_VENV) -m ruff check
	@$(PYTHON_OF_VENV) -m ruff format --check
	@$(PYTHON_OF_VENV) -m mypy
	@.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-actions .github/actions/*/action.yml
	@.venv/bin/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@.venv/bin/zizmor --quiet --no-progress --offline --strict-collection --persona=pedantic .github

audit: setup
	@$(PYTHON_OF_VENV) -m pip_audit --progress-spinner off --requirement requirements.txt

package: setup
	@$(PYTHON_OF_VENV) -m local.package $(ARGS)

bench: setup
	@$(PYTHON_OF_VENV) -m bench $(ARGS)

clean:
	@rm -rf .venv local/azurite/node_modules .run .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
