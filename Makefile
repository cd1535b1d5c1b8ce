# Every target makes .venv first and fills it again only when pyproject.toml has changed.
PYTHON ?= python3
BIN := .venv/bin
# Nothing here opens a window.
export MPLBACKEND := Agg

.PHONY: help venv install demo test test-slow test-interop lint format docs bench bench-quick \
	bench-denoising bench-noisy-rows bench-imputation bench-codes bench-tables bench-outliers \
	bench-clusters bench-workers dist clean

help:
	@echo "make demo       draw a first picture into tfae-demo/"
	@echo "make test       run the tests (8 to 15 minutes on 2 cores)"
	@echo "make test-slow  run the tests that take longer"
	@echo "make test-interop  run those with ONNX, skops, Dask, Spark (installs them; Spark needs Java 17)"
	@echo "make lint       ruff, spelling, mypy and who imports whom"
	@echo "make docs       build the site into docs/_build/html"
	@echo "make bench      run the benchmarks (hours; installs PyTorch, JAX and PyOD to compare with)"
	@echo "make bench-quick  see that they run (two minutes)"
	@echo "make bench-noisy-rows  denoising without clean rows (half an hour; goes on where it stopped)"
	@echo "make bench-denoising  denoising beside linear denoisers (hours; goes on where it stopped)"
	@echo "make bench-imputation  holes filled beside scikit-learn's imputers (hours; goes on where it stopped)"
	@echo "make bench-tables  codes of tables beside PCA of one-hot columns (half an hour; goes on, too)"
	@echo "make bench-outliers  odd rows beside other detectors (hours; goes on where it stopped)"
	@echo "make bench-clusters  rows that Dask and Spark encode, beside NumPy (an hour; Spark needs Java 17)"
	@echo "make bench-workers  fits that processes share, and are killed (an hour; goes on where it stopped)"
	@echo "make bench-codes  neighbours of codes, beside PCA and raw rows (half an hour; goes on, too)"

# A target that failed half-way must not look finished.
.DELETE_ON_ERROR:

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("tfae needs Python 3.11 or later: say which with make PYTHON=...")'
	$(PYTHON) -m venv .venv

.venv/.installed-%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -e ".[$*]"
	@touch $@

venv install: .venv/.installed-dev

demo: .venv/.installed-dev
	$(BIN)/tfae demo

test: .venv/.installed-dev
	SCIPY_ARRAY_API=1 $(BIN)/python -m pytest -m "not slow" -n 2 --dist worksteal

test-slow: .venv/.installed-dev
	SCIPY_ARRAY_API=1 $(BIN)/python -m pytest -m slow -n 2 --dist worksteal

# With packages that models travel to; without them, these tests are skipped.
test-interop: .venv/.installed-interop
	$(BIN)/python -m pytest tests/estimators/test_trusted_types.py tests/interop

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: .venv/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going -n -b html docs docs/_build/html

bench: .venv/.installed-bench
	$(BIN)/python -m benchmarks $(BENCH)

bench-denoising: .venv/.installed-dev
	$(BIN)/python -m benchmarks.quality.denoising --json denoising.json $(BENCH)

bench-noisy-rows: .venv/.installed-dev
	$(BIN)/python -m benchmarks.quality.noisy_rows --json noisy-rows.json $(BENCH)

bench-imputation: .venv/.installed-dev
	$(BIN)/python -m benchmarks.quality.imputation --json imputation.json $(BENCH)

bench-outliers: .venv/.installed-dev
	$(BIN)/python -m benchmarks.quality.outliers --json outliers.json $(BENCH)

bench-codes: .venv/.installed-dev
	$(BIN)/python -m benchmarks.quality.codes --tsne --json codes.json $(BENCH)

bench-tables: .venv/.installed-dev
	$(BIN)/python -m benchmarks.quality.tables --json tables.json $(BENCH)

bench-clusters: .venv/.installed-interop
	$(BIN)/python -m benchmarks.quality.clusters --json clusters.json $(BENCH)

bench-workers: .venv/.installed-dev
	$(BIN)/python -m benchmarks.quality.several_workers --json several-workers.json $(BENCH)

# With what is installed: the others are named as skipped.
bench-quick: .venv/.installed-dev
	$(BIN)/python -m benchmarks --quick

# Two builds of the same commit must have the same bytes.
dist: .venv/.installed-release
	rm -rf dist build/again
	$(BIN)/python -m build
	$(BIN)/python -m build --wheel --outdir build/again
	cmp dist/*.whl build/again/*.whl
	$(BIN)/python -m twine check --strict dist/*

clean:
	rm -rf build dist tfae-demo docs/_build docs/generated docs/gallery
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +
