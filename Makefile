# Everything a developer does here, each with one command. `make` alone lists them.
# The first one sets the folder up (local/bootstrap.sh): .venv and Azurite; after that it only checks.

.DEFAULT_GOAL := help
.PHONY: help setup demo up test fuzz day hostile order faults crash workers outage kafka soak mutation coverage lint audit package bench clean

PYTHON_OF_VENV := .venv/bin/python

help:
	@echo 'make demo    run everything once: a fleet of simulated chargers, through the queue into the tables, and checked'
	@echo 'make up      run everything until Ctrl-C, with the simulated fleet pushing; make up KAFKA=1 pushes over Kafka'
	@echo 'make test    run the tests;         make test ARGS="-k sessions -x" passes options to pytest'
	@echo 'make fuzz    50,000 requests as nobody should send them, to the running host: some minutes'
	@echo 'make day     a day of 1,000 chargers with lost, late and repeated pushes, polled with both APIs: ten minutes'
	@echo "make hostile 5,000 bodies of anything and 2,000 real messages, damaged, into ingest: under a minute"
	@echo 'make order   all orders of a session, 1,000 of a fleet, 100 stories of crashes: some minutes'
	@echo 'make faults  every request of every flow fails in nine ways, once, twice and for good: two minutes'
	@echo 'make crash   kill -9 at 200 points of 5,000 events; make workers: two at once, 20 rounds;'
	@echo '             make outage: storage gone for a minute, under load, twice'
	@echo 'make kafka   2,000 messages over three partitions, ten workers killed; storage away for 30 s; all ways mixed'
	@echo 'make soak    half an hour at half of the measured maximum; SOAK_SECONDS=60 make soak is the daily form'
	@echo 'make mutation do tests notice a change of what decides? make coverage: which lines and branches do they run?'
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

order: setup
	@ORDER_SEED=$${ORDER_SEED:-$$(date +%s)} ORDER_RUNS=1000 ORDER_ON_AZURITE=720 ORDER_STORIES=100 ORDER_STEPS=50 ORDER_STORIES_ON_AZURITE=10 $(PYTHON_OF_VENV) -m pytest tests/order $(ARGS)

faults: setup
	@FAULTS_LASTING=all $(PYTHON_OF_VENV) -m pytest tests/faults $(ARGS)

crash: setup
	@CRASH_POINTS=$${CRASH_POINTS:-200} CRASH_EVENTS=$${CRASH_EVENTS:-5000} $(PYTHON_OF_VENV) -m pytest tests/crash/test_crash.py -s $(ARGS)

workers: setup
	@WORKER_ROUNDS=$${WORKER_ROUNDS:-20} $(PYTHON_OF_VENV) -m pytest tests/crash/test_two_workers.py -s $(ARGS)

outage: setup
	@OUTAGE_SECONDS=$${OUTAGE_SECONDS:-60} $(PYTHON_OF_VENV) -m pytest tests/crash/test_outage.py -s $(ARGS)

kafka: setup
	@KAFKA_MESSAGES=$${KAFKA_MESSAGES:-2000} KAFKA_KILLS=$${KAFKA_KILLS:-10} KAFKA_OUTAGE_SECONDS=$${KAFKA_OUTAGE_SECONDS:-30} KAFKA_ORDERS=$${KAFKA_ORDERS:-500} $(PYTHON_OF_VENV) -m pytest tests/kafka -s $(ARGS)

soak: setup
	@$(PYTHON_OF_VENV) -m bench.soak --seconds $${SOAK_SECONDS:-1800} $(ARGS)

# mutmut keeps its verdicts where only tests have changed, so it begins anew.
mutation: setup
	@rm -rf mutants
	@CI=1 $(PYTHON_OF_VENV) -m mutmut run
	@$(PYTHON_OF_VENV) -m bench.mutation

coverage: setup
	@$(PYTHON_OF_VENV) -m pytest --cov --cov-report= --cov-fail-under=95 --timeout=600 $(ARGS)
	@$(PYTHON_OF_VENV) -m coverage report --skip-covered --show-missing --fail-under=100 \
		--include="$$($(PYTHON_OF_VENV) -c 'from tests.test_architecture import PURE; print(",".join(PURE))')"

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
	@rm -rf .venv local/azurite/node_modules .run .pytest_cache .mypy_cache .ruff_cache .hypothesis mutants .coverage htmlcov *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
