#!/bin/sh
# How a client updates kkt without Surefoot: update.sh VERSION [MIGRATION]
# Ends with 1 when the new release is not healthy within START_WITHIN seconds. Lines "PHASE SECONDS" say when a phase began.
set -eu
version=$1 migration=${2-}
app=/home/kktapp/kkt-system
backup=/var/backups/kkt
source=http://127.0.0.1:8080/targets/v$version

begin() { echo "$1 $(date +%s.%N)"; }

begin download
work=$(mktemp -d)
cd "$work"
curl -fsS --remote-name "$source/kkt-v$version.tar.gz" --remote-name "$source/checksums.txt"
grep " kkt-v$version.tar.gz\$" checksums.txt | sha256sum --quiet --check

begin unpack
mkdir new
tar -xzf "kkt-v$version.tar.gz" -C new
chown -R kktapp:kktapp new

begin stop
systemctl stop kkt-web kkt-bot

begin back-up-code
mkdir -p "$backup"
cp -a "$app" "$backup/code"

begin back-up-database
runuser -u postgres -- pg_dump kkt | gzip > "$backup/kkt.sql.gz"

begin copy
if command -v rsync > /dev/null; then
    rsync -a --exclude .env new/ "$app/"
else
    cp -a new/. "$app/"
fi

if [ -n "$migration" ]; then
    begin migrate
    { echo 'set role kkt;'; cat "$app/$migration"; } |
        runuser -u postgres -- sh -c 'cd / && psql --quiet --single-transaction --set ON_ERROR_STOP=1 kkt'
fi

begin start
systemctl start kkt-web kkt-bot
deadline=$(($(date +%s) + ${START_WITHIN:-20}))
until curl -fs http://127.0.0.1:8000/health > /dev/null; do
    [ "$(date +%s)" -lt "$deadline" ] || exit 1
    sleep 0.1
done
begin tidy
cd /
rm -rf "$work"
begin end
