#!/bin/sh
# How a client goes back after update.sh has failed: code and database as they were backed up.
set -eu
app=/home/kktapp/kkt-system
backup=/var/backups/kkt

begin() { echo "$1 $(date +%s.%N)"; }
as_postgres() { runuser -u postgres -- sh -c "cd / && $1"; }

begin stop-again
systemctl stop kkt-web kkt-bot
begin restore-code
rm -rf "$app"
cp -a "$backup/code" "$app"
begin restore-database
as_postgres 'dropdb kkt && createdb --owner kkt kkt'
gunzip < "$backup/kkt.sql.gz" | as_postgres 'psql --quiet --set ON_ERROR_STOP=1 kkt' > /dev/null
begin start-again
systemctl start kkt-web kkt-bot
until curl -fs http://127.0.0.1:8000/health > /dev/null; do sleep 0.1; done
begin end
