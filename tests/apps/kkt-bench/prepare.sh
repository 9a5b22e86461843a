#!/bin/sh
# Where the dependencies are those of the release before, its virtual environment is copied; else it is built.
set -eu
before=../${SUREFOOT_FROM:-none}
if cmp -s requirements.txt "$before/requirements.txt"; then
    cp -a "$before/venv" venv
else
    python3 -m venv --without-pip venv
    python3 -m pip --python venv/bin/python --quiet --disable-pip-version-check --no-cache-dir \
        install --no-index --find-links "${KKT_WHEELS:-/opt/wheels}" --requirement requirements.txt
fi
