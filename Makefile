# Each target does all its own set-up: a .venv from the pinned lock file, then the work.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: quickstart test test-arm test-sanitized fuzz lint venv clean

quickstart: venv
	$(BIN)/python -m experiments.quickstart $(ARGS)

test: venv
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadgroup $(ARGS)

# Debian: apt-get install g++-aarch64-linux-gnu qemu-user. Without them the tests are skipped, by name.
test-arm: venv
	$(BIN)/python -m pytest -m arm -rs tests/device $(ARGS)

test-sanitized: venv
	$(BIN)/python -m pytest -m sanitized -rs tests/device $(ARGS)

# The native engine on damaged model files and on any calls; needs clang++. ARGS="--seconds 600".
fuzz: venv
	$(BIN)/python -m tests.device.fuzz.run $(ARGS)

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

venv: $(VENV)/.installed $(VENV)/.built

# The stamp is written last, so an interrupted set-up starts again instead of passing for a whole one.
$(VENV)/.installed: requirements.lock setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else \
	  "edge_rnnt needs Python 3.11, 3.12 or 3.13, but $(PYTHON) is %d.%d; try: make PYTHON=python3.12" % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@touch $@

# The package in place. Its native engine is compiled again after a change; without a C++ compiler pip
# leaves it out, and the device runs in NumPy.
NATIVE := $(wildcard edge_rnnt/device/native/*.* edge_rnnt/device/native/kernels/*.*)
$(VENV)/.built: $(VENV)/.installed setup.py $(NATIVE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info edge_rnnt/device/_native*.so
