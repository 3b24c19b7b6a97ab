# edudet: `make help` lists what there is. The environment is made on first use and kept in .venv.

# What you choose once holds until `make clean`, or until you choose something else:
#   PYTHON=python3.12       which Python .venv is made with
#   TORCH_INDEX=https://download.pytorch.org/whl/cu130       where to get torch from: another build of it
#   CXX=g++-12, EDUDET_CUDA=0, CUDA_HOME=...                 see setup.py
PYTHON ?= python3
BIN := .venv/bin
TESTS ?= tests
WORKERS ?= 2

SOURCES = $$(find csrc -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh')

# Makes .venv and keeps it right, with what the named extras of pyproject.toml need.
INSTALL = command -v $(PYTHON) > /dev/null || { \
	echo "edudet: $(PYTHON) is not installed. Try: apt install python3 python3-venv python3-dev"; exit 1; }; \
	$(PYTHON) requirements/install.py

.DEFAULT_GOAL := help
.PHONY: help demo test slow figures thumbnails notebooks hooks lab bench walls verify lint format info build clean

help:  ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

demo:  ## find the coins in a photo; writes out/demo/index.html
	@$(INSTALL) demo
	@$(BIN)/edudet demo

test:  ## run the tests, but for the slow ones
	@$(INSTALL) test
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not slow" $(TESTS)

slow:  ## run the slow tests: builds under sanitizers, runs that are killed and resumed
	@$(INSTALL) test cluster
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m slow $(TESTS)

figures: demo  ## refresh the README's pictures from the demo and from the weights of the package
	@$(BIN)/python -c "from PIL import Image; \
		Image.open('out/demo/4_result.png').convert('RGB').quantize(64).save('docs/coins.png', optimize=True)"
	@cp out/demo/gallery.png docs/gallery.png
	@$(BIN)/python -c "from edudet.studies.zoo import examples; \
		[examples(f'{name}_rcnn', count=3).savefig(f'docs/{name}_rcnn.png') for name in ('mask', 'keypoint')]"

thumbnails:  ## refresh the pictures of the notebooks' list
	@$(INSTALL) notebooks
	@$(BIN)/python notebooks/thumbnails.py

notebooks:  ## execute every notebook, and open three of them in a browser (if there is one)
	@$(INSTALL) notebooks
	@EDUDET_LAB=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --durations=0 --durations-min=1 \
		-p nbmake --nbmake --nbmake-timeout=300 notebooks tests/test_lab.py

hooks:  ## have git strip the outputs of notebooks at every commit
	@$(INSTALL) hooks
	@$(BIN)/pre-commit install

lab:  ## open the notebooks in JupyterLab
	@$(INSTALL) lab
	@$(BIN)/jupyter lab notebooks

bench:  ## measure the operators beside their peers; writes out/bench/
	@$(INSTALL) test
	@$(BIN)/python -m benchmarks

walls:  ## the hostile submissions behind every kind of walls that this machine has
	@$(INSTALL) test
	@EDUDET_WALLS=all $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup tests/grading/test_hostile.py

verify:  ## the release gate of the exercises: right solutions, stubs, mistakes, hostile ones
	@$(INSTALL) test
	@$(BIN)/edudet course verify

lint:  ## ruff, mypy, clang-format
	@$(INSTALL) lint
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/clang-format --dry-run --Werror $(SOURCES)

format:  ## let ruff and clang-format mend what they can
	@$(INSTALL) lint
	@$(BIN)/ruff check --fix .
	@$(BIN)/clang-format -i $(SOURCES)

info: build  ## which operator runs in which form on this machine
	@$(BIN)/edudet info

build:  ## make .venv and compile, and no more
	@$(INSTALL) demo

clean:  ## remove what was built and installed
	rm -rf .venv build out dist *.egg-info edudet/*.so edudet/_build.json
