#!/bin/sh
# What gates a change: format, lint, types, tests, notebooks. The last line tells what was skipped.
set -eu
bin=.venv/bin
say() { printf '%s\n' "--- $1"; }

# A test browser is part of the environment where it can be installed; elsewhere its tests are skipped and told.
if ! command -v chromium >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    say 'installing Chromium'
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install chromium; } >/dev/null 2>&1 || true
fi

say 'format'; $bin/ruff format --check --quiet .
say 'lint'; $bin/ruff check --quiet .
say 'types'; $bin/mypy
say 'tests'; $bin/python -m pytest -n 2 --quiet tests
say 'notebooks'
$bin/nbstripout --verify --keep-output --keep-count --keep-id notebooks/*.ipynb
$bin/python -m pytest -n 2 --quiet --nbval --nbval-sanitize-with tests/nbval_sanitize.cfg --dist loadfile notebooks

if command -v chromium >/dev/null 2>&1; then
    echo 'All passed; browser tests ran.'
else
    echo 'All passed; SKIPPED: the browser tests, for there is no Chromium on this machine.'
fi
