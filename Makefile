# Two commands do everything: `make demo` and `make test`. Both can be run again and again.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The environment is keyed by what it is made from: a change there makes a new one.
KEY := $(shell cat constraints.txt pyproject.toml | cksum | cut -d' ' -f1)
CORE := $(VENV)/.core-$(KEY)
DEV := $(VENV)/.dev-$(KEY)
# The pages of the web tool are built by the package's build (hatch_build.py), again when their sources change.
WEB := $(VENV)/.web-$(shell find web -name node_modules -prune -o -type f -print 2>/dev/null | LC_ALL=C sort | xargs cat 2>/dev/null | cksum | cut -d' ' -f1)
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile --constraint constraints.txt

# Packages are installed without byte code (quicker); let Python keep what it compiles on first import.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test web lint types clean help

help:
	@echo "make demo   install the core, map a made-up mountain range, say what to open"
	@echo "make test   install everything, run all checks and tests"
	@echo "make web    build the pages of the web tool anew, where their sources changed"
	@echo "make clean  remove the environment and the demo"

$(CORE):
	@echo "Installing firnline into $(VENV) (a few minutes the first time) ..."
	@rm -rf $(VENV)
	@$(PYTHON) -c 'import sys; sys.exit("firnline needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --editable .
	@touch $@

$(DEV): $(CORE)
	@echo "Installing what the checks need ..."
	@$(PIP) --editable '.[dev,interop,encoders,cluster,onnx,int8]'
	@touch $@

$(WEB): $(CORE)
	@echo "Building the pages of the web tool ..."
	@$(PIP) --no-deps --editable .
	@touch $@

web: $(WEB)

demo: $(CORE) $(WEB)
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh demo

lint: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(DEV)
	$(BIN)/mypy

test: $(DEV) $(WEB) lint types
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal

clean:
	rm -rf $(VENV) demo
