#!/bin/sh
# Builds the virtual environment of this release. Runs in the release's own folder as the application's user, before it is in use.
# The folder is renamed afterwards, so nothing may be started through the scripts in venv/bin, which name it; venv/bin/python does not.
set -eu
rm -rf venv
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python --quiet --disable-pip-version-check --no-cache-dir \
    install --no-index --find-links "${KKT_WHEELS:-/opt/wheels}" --requirement requirements.txt
venv/bin/python -c 'import fastapi, uvicorn, sqlalchemy, psycopg2'
