# make run   set up, then the whole chain: text -> report   (PROFILE=sample|tiny|paper)
# make test  set up, then style, types and the whole test suite
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
PROFILE ?= sample
BIN := $(VENV)/bin
# span_marker does not stand beside our versions: Python of another environment that has it
SPAN_MARKER_PYTHON ?= $(BIN)/python
INSTALLED := $(VENV)/.installed

.PHONY: run test lint format bench readme clean install

$(INSTALLED): setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=23.2"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@

install: $(INSTALLED)

run: $(INSTALLED)
	$(BIN)/python -m spacy project run all . --vars.profile $(PROFILE)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint
	$(BIN)/python -Werror -c "import spacy_nuner"
	$(BIN)/python -m pytest --cov --cov-report=term

bench: $(INSTALLED)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[bench]"
	$(BIN)/python benchmarks/align.py
	$(BIN)/python benchmarks/frozen_training.py --docs docs/component.md
	$(BIN)/python benchmarks/inference.py --docs docs/component.md \
		--cost-encoder encoders/sample --python-span-marker $(SPAN_MARKER_PYTHON)
	$(BIN)/python benchmarks/inference.py --docs docs/component.md --memory 100000
	$(BIN)/python benchmarks/pretrain.py --docs docs/pretraining.md
	$(BIN)/python benchmarks/pretrain_scale.py --docs docs/pretraining.md
	$(BIN)/python benchmarks/finetune.py --docs docs/component.md
	$(BIN)/python benchmarks/annotate.py --docs docs/llm_servers.md
	$(BIN)/python benchmarks/annotate_kill.py
	$(BIN)/python benchmarks/annotate_memory.py
	$(BIN)/python benchmarks/corpus.py --docs docs/corpus.md

clean:
	$(BIN)/python scripts/clean.py

readme: $(INSTALLED)
	$(BIN)/python -m spacy project run readme . --vars.profile $(PROFILE)
