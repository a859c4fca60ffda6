# Everything a fresh machine with Python 3.11 to 3.13 needs: `make demo`, `make test`, `make lint`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
DEMO := build/mnist

.PHONY: demo test slow frameworks lint clean

# Lava 0.10.0 declares Python < 3.11; neurocompile's own shim makes it run on 3.11 to 3.13.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test,lava]" \
		loguru tqdm snntorch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps spikingjelly
	$(BIN)/python -m pip install --quiet --no-deps --ignore-requires-python \
		lava-nc==0.10.0 lava-dl==0.6.0
	touch $@

demo: $(READY)  ## trained MNIST networks to TrueNorth and to Loihi 2, and the proof on Lava
	cd examples/mnist_truenorth && ../../$(BIN)/neurocompile build model.pt --target truenorth \
		-o ../../$(DEMO)-truenorth --quiet
	cd examples/mnist && ../../$(BIN)/neurocompile build model.pt --target loihi2 \
		-o ../../$(DEMO) --no-verify
	$(BIN)/neurocompile report $(DEMO)
	$(BIN)/neurocompile verify $(DEMO) --input examples/mnist/samples.npz --samples 20
	@echo "reports: $(DEMO)/report.html, $(DEMO)-truenorth/report.html"

test: $(READY)  ## all tests but the slow ones, with coverage
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal \
		-m "not slow and not frameworks" --cov --cov-report=term:skip-covered --cov-fail-under=85

slow: $(READY)  ## what takes longer: large networks, every hostile file in its own process
	$(BIN)/python -m pytest -q -m "slow and not frameworks"

frameworks: $(READY)  ## every framework, installed beside the venv: neurons, adapters, zoo
	$(BIN)/python -m tests.frameworks.install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m frameworks

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.house

clean:
	rm -rf $(VENV) build dist *.egg-info
