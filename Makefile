# edudet: `make help` lists what there is. The environment is made on first use and kept in .venv.

PYTHON ?= python3
# Where to get torch from: another build of it, e.g. TORCH_INDEX=https://download.pytorch.org/whl/cu130
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
TESTS ?= tests
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test slow figures thumbnails notebooks hooks lab bench walls verify lint format info build clean

help:  ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

demo: build  ## find the coins in a photo; writes out/demo/index.html
	@$(BIN)/edudet demo

test: build  ## run the tests, but for the slow ones
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not slow" $(TESTS)

slow: build  ## run the slow tests: builds under sanitizers, runs that are killed and resumed
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m slow $(TESTS)

figures: demo  ## refresh the README's pictures from the demo and from the weights of the package
	@$(BIN)/python -c "from PIL import Image; \
		Image.open('out/demo/4_result.png').convert('RGB').quantize(64).save('docs/coins.png', optimize=True)"
	@cp out/demo/gallery.png docs/gallery.png
	@$(BIN)/python -c "from edudet.studies.zoo import examples; \
		[examples(f'{name}_rcnn', count=3).savefig(f'docs/{name}_rcnn.png') for name in ('mask', 'keypoint')]"

thumbnails: build  ## refresh the pictures of the notebooks' list
	@$(BIN)/python notebooks/thumbnails.py

notebooks: build  ## execute every notebook, and open three of them in a browser (if there is one)
	@EDUDET_LAB=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --durations=0 --durations-min=1 \
		-p nbmake --nbmake --nbmake-timeout=300 notebooks tests/test_lab.py

hooks: $(VENV)/.installed  ## have git strip the outputs of notebooks at every commit
	@$(BIN)/pre-commit install

lab: build  ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab notebooks

bench: build  ## measure the operators beside their peers; writes out/bench/
	@$(BIN)/python -m benchmarks

walls: build  ## the hostile submissions behind every kind of walls that this machine has
	@EDUDET_WALLS=all $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup tests/grading/test_hostile.py

verify: build  ## the release gate of the exercises: right solutions, stubs, mistakes, hostile ones
	@$(BIN)/edudet course verify

lint: build  ## ruff, mypy, clang-format
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/clang-format --dry-run --Werror $$(git ls-files 'csrc/*.h' 'csrc/*.cpp' 'csrc/*.cu' 'csrc/*.cuh')

format:  ## let ruff and clang-format mend what they can
	@$(BIN)/ruff check --fix .
	@$(BIN)/clang-format -i $$(git ls-files 'csrc/*.h' 'csrc/*.cpp' 'csrc/*.cu' 'csrc/*.cuh')

info: build  ## which operator runs in which form on this machine
	@$(BIN)/edudet info

clean:  ## remove what was built and installed
	rm -rf $(VENV) build out dist *.egg-info edudet/*.so edudet/_build.json

# --- set-up: each stamp is older than what it was made from, or is made again -------------------

SOURCES := setup.py pyproject.toml $(shell find csrc edudet/emulator/rewrite.py -type f 2>/dev/null)

build: $(VENV)/.built

$(VENV)/.built: $(VENV)/.installed $(SOURCES)
	@echo "Compiling csrc/ (only what has changed)"
	@$(BIN)/python -m pip install -q --no-build-isolation --no-deps -e . -e ./weights || \
		{ $(BIN)/python setup.py build_ext --inplace; exit 1; }
	@$(BIN)/python -c "import json; [print(f'edudet: built without the {name} kernels: {reason}') \
		for name, reason in json.load(open('edudet/_build.json')).items()]"
	@touch $@

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "edudet needs Python 3.10 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is missing. Try: apt install python3-venv"; exit 1; }
	@echo "Making $(VENV) and installing the pinned packages (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $$(grep '^torch==' requirements.txt)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.txt
	@touch $@
