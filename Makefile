# `make demo` and `make test` work as the first command in a clone, with Python, pip, make and a C++ compiler alone:
# everything else, CMake and Ninja included, is installed into .venv.

PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
SOURCES := CMakeLists.txt pyproject.toml $(shell find cmake csrc python -type f -not -path '*/__pycache__/*')
CPP_SOURCES = $(shell find csrc tests/cpp docs/snippets -name '*.hpp' -o -name '*.h' -o -name '*.cpp' -o -name '*.c')

# The build's own requirements as pyproject.toml lists them. They are installed once, and packages are then built
# without isolation in a folder that stays, so that a change recompiles only what it touches.
BUILD_REQUIREMENTS := $(shell sed -n 's/^requires = \[\(.*\)\]$$/\1/p' pyproject.toml | tr -d ',') cmake ninja
export SKBUILD_BUILD_DIR := build/python
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: demo test bench bench-peers lint environment clean
.DELETE_ON_ERROR:

demo: $(VENV)/demo.stamp
	$(VENV)/bin/python -m convgrad demo

test: $(VENV)/test.stamp
	$(VENV)/bin/python -m pytest
	cmake -S . -B build/ctest -G Ninja -DCMAKE_BUILD_TYPE=Release -DCONVGRAD_BUILD_TESTS=ON \
		-DPython3_EXECUTABLE=$(CURDIR)/$(VENV)/bin/python
	cmake --build build/ctest
	ctest --test-dir build/ctest --output-on-failure

bench: $(VENV)/bench.stamp
	$(VENV)/bin/python -m bench run --short

# The full list against every library in the extra "peers", which is more than a gigabyte to install: an hour or so.
bench-peers: $(VENV)/peers.stamp
	$(VENV)/bin/python -m bench run --dtype float32 float64 --threads 1 2 --memory

lint: $(VENV)/lint.stamp
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/clang-format --dry-run -Werror $(CPP_SOURCES)

environment: $(VENV)/environment.stamp

# Debian's Python may come without the module that puts pip into new environments; the pip at hand can do it, too.
$(VENV)/environment.stamp:
	$(PYTHON) -m venv --clear $(VENV) || { $(PYTHON) -m venv --clear --without-pip $(VENV) \
		&& $(PYTHON) -m pip --python $(VENV)/bin/python install pip; }
	$(PIP) install $(BUILD_REQUIREMENTS)
	touch $@

EXTRAS_demo := demo,bench
EXTRAS_test := test
EXTRAS_bench := bench
EXTRAS_peers := bench,peers
# What the type checker looks into.
EXTRAS_lint := lint,demo,bench

# Builds and installs the package as it is now, with what one target needs beside it.
$(VENV)/%.stamp: $(VENV)/environment.stamp $(SOURCES)
	$(PIP) install --no-build-isolation ".[$(EXTRAS_$*)]"
	touch $@

clean:
	rm -rf $(VENV) build convgrad-demo .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
