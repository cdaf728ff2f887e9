#!/usr/bin/env bash
# The first thing that PostgreSQL's container does with a new volume: who owns the tables, who serves requests from
# them, neither a superuser, and the database. As `create_database` in lib/postgres.sh does it for `make up`.
set -euo pipefail

owner=$(cat /run/secrets/postgres_owner_password)
app=$(cat /run/secrets/postgres_app_password)
psql -XAtq -v ON_ERROR_STOP=1 --username postgres --dbname postgres <<SQL
CREATE ROLE olympus LOGIN PASSWORD '$owner';
CREATE ROLE olympus_app LOGIN PASSWORD '$app';
CREATE DATABASE olympus OWNER olympus;
SQL
