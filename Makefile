# Two commands do all the set-up: `make demo` and `make test`. Both only need Python ≥ 3.11, git and make.

# Whatever is started again and again shall find its own code compiled.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV := .venv
UV := .uv/bin/uv
READY := $(VENV)/.ready
RUN := $(VENV)/bin

.PHONY: demo test lint fix bench chaos sim clean

demo: $(READY)
	$(RUN)/gatepost demo

# Side by side, but by themselves where processes are killed or a browser waits: beside others they starve. Hunts are
# sliced here, whole in `make chaos` and `make sim`.
ALONE := tests/browser tests/crash

test: $(READY) lint
	$(RUN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(addprefix --ignore=,$(ALONE))
	$(RUN)/pytest $(ALONE)

lint: $(READY)
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports

fix: $(READY)
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

bench: $(READY)
	$(RUN)/python -m tests.bench

chaos: $(READY)
	$(RUN)/python -m tests.crash.chaos --kills 200 --requests 1000
	LONG_HUNTS=1 $(RUN)/pytest tests/crash

# SIM_DAYS=90 days in minutes, SIM_SEED to repeat a run, SIM_RUNS for how much is proposed.
sim: $(READY)
	$(RUN)/python -m tests.sim

# uv in an environment of its own, then exactly what uv.lock names.
$(READY): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Gatepost needs Python 3.11 or newer")'
	@test -x $(UV) || { $(PYTHON) -m venv .uv && .uv/bin/pip install --quiet --disable-pip-version-check "uv>=0.9,<1"; }
	@echo "Installing what uv.lock names into $(VENV) …"
	@UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --frozen --compile-bytecode --python $(PYTHON)
	@touch $(READY)

clean:
	rm -rf $(VENV) .uv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
