# `make train` and `make test` do everything from a bare Debian: python3, python3-venv, make, gcc.
PYTHON ?= python3
VENV ?= .venv

.PHONY: train test torture bench docs lint clean

train: $(VENV)/installed-run
	$(VENV)/bin/python -m neurone.train

# Two tests at a time: most of it is the compiler's work, on one core. Who has nothing left takes from the other: with
# whole files the last ones ran alone.
test: $(VENV)/installed-test
	$(VENV)/bin/python -m pytest -n 2 --dist worksteal

# Exhaustive, and long: every float32 through exp and tanh, thousands of kills, a hundred thousand damaged files.
torture: $(VENV)/installed-torture
	$(VENV)/bin/python -m pytest --torture

# Needs an idle machine. PyTorch and JAX take part if they are installed in the environment.
bench: $(VENV)/installed-bench
	$(VENV)/bin/python benchmarks/report.py

docs: $(VENV)/installed-docs
	$(VENV)/bin/python -m sphinx -W --keep-going -q docs docs/_build

lint: $(VENV)/installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

# A stamp for each set of extras; editable, so that a change of the sources needs no new install.
$(VENV)/installed-run: extras = progress,images
$(VENV)/installed-test: extras = test
$(VENV)/installed-torture: extras = torture
$(VENV)/installed-bench: extras = bench
$(VENV)/installed-docs: extras = docs
$(VENV)/installed-dev: extras = dev
$(VENV)/installed-%: pyproject.toml
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --editable '.[$(extras)]'
	touch $@

clean:
	rm -rf $(VENV) .cache .pytest_cache .ruff_cache
