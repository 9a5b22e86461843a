#!/bin/sh
# Makes the virtual environment of this release. Runs in the release's own folder as the application's user, before it is in use.
# The folder is renamed afterwards, so nothing may be started through the scripts in venv/bin, which name it; venv/bin/python does not.
set -eu
home=$(getent passwd "$(id -u)" | cut -d: -f6)
# Built once for the same requirements: a release that needs nothing new takes a copy.
built=$home/.cache/kkt/venv-$(sha256sum requirements.txt | cut -c1-12)
if [ ! -d "$built" ]; then
    mkdir -p "$home/.cache/kkt"
    rm -rf "$built.new"
    python3 -m venv --without-pip "$built.new"
    python3 -m pip --python "$built.new/bin/python" --quiet --disable-pip-version-check --no-cache-dir \
        install --no-index --find-links "${KKT_WHEELS:-/opt/wheels}" --requirement requirements.txt
    "$built.new/bin/python" -c 'import fastapi, uvicorn, sqlalchemy, psycopg2'
    sync -f "$built.new"
    mv "$built.new" "$built"
fi
rm -rf venv
cp -a "$built" venv
