# A private PostgreSQL: its own cluster below .run, on loopback, with a password.
# shellcheck shell=bash

# postgres_bin: the folder of the newest server programs.
postgres_bin() {
  local folders=(/usr/lib/postgresql/*/bin/initdb) # unmatched, it stays as it is
  if [[ -x ${folders[0]} ]]; then
    printf '%s\n' "${folders[@]%/initdb}" | sort -V | tail -n 1
  elif command -v postgres >/dev/null && command -v initdb >/dev/null; then
    dirname "$(readlink -f "$(command -v postgres)")"
  else
    return 1
  fi
}

# postgres_home: the cluster's place. A link when the server's user cannot enter this checkout.
postgres_home() { readlink -f "$RUN_DIR/postgres"; }

# PostgreSQL refuses to run as root, so root lends it the user that its package made.
as_postgres() {
  if ((EUID == 0)); then
    setpriv --reuid=postgres --regid=postgres --init-groups "$@"
  else
    "$@"
  fi
}

start_postgres() {
  local home bin
  bin=$(postgres_bin)
  prepare_postgres_home
  home=$(postgres_home)
  [[ -d $home/data ]] || create_cluster "$bin" "$home"
  local sockets=$home/socket
  ((${#sockets} < 90)) || sockets= # a socket's path has room for 107 bytes
  local command=("$bin/postgres" -D "$home/data" -p "$OLYMPUS_POSTGRES_PORT"
    -c listen_addresses=127.0.0.1 -c "unix_socket_directories=$sockets")
  if ((EUID == 0)); then
    command=(setpriv --reuid=postgres --regid=postgres --init-groups "${command[@]}")
  fi
  start postgres env --chdir=/ "${command[@]}"
}

prepare_postgres_home() {
  local home=$RUN_DIR/postgres
  if [[ ! -e $home ]]; then
    rm -f "$home"
    if as_postgres test -x "$RUN_DIR"; then mkdir "$home"; else ln -s "$(mktemp -d /var/tmp/olympus-postgres.XXXXXX)" "$home"; fi
  fi
  home=$(postgres_home)
  mkdir -p "$home/socket"
  chmod 700 "$home" "$home/socket"
  ((EUID != 0)) || chown postgres "$home" "$home/socket"
}

# create_cluster BIN HOME: complete or not at all.
create_cluster() {
  local password=$2/password
  say "creating the database cluster"
  rm -rf "$2/data.new"
  (umask 077 && secret postgres.password >"$password")
  ((EUID != 0)) || chown postgres "$password"
  (cd / && as_postgres "$1/initdb" --pgdata="$2/data.new" --username=postgres --pwfile="$password" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8) >"$LOG_DIR/postgres.log" 2>&1 9>&- ||
    { last_lines postgres; die "initdb failed"; }
  rm -f "$password"
  mv "$2/data.new" "$2/data"
}

postgres_is_ready() {
  "$(postgres_bin)/pg_isready" -q -h 127.0.0.1 -p "$OLYMPUS_POSTGRES_PORT" -t 1
}

# create_database: who owns the tables, who serves requests from them, neither a superuser, and the database.
create_database() {
  local password owner app
  password=$(secret postgres.password)
  owner=$(secret postgres-owner.password)
  app=$(secret postgres-app.password)
  PGPASSWORD=$password "$(postgres_bin)/psql" -XAtq -v ON_ERROR_STOP=1 \
    -h 127.0.0.1 -p "$OLYMPUS_POSTGRES_PORT" -U postgres postgres <<SQL
SELECT 'CREATE ROLE olympus LOGIN' WHERE to_regrole('olympus') IS NULL \gexec
SELECT 'CREATE ROLE olympus_app LOGIN' WHERE to_regrole('olympus_app') IS NULL \gexec
ALTER ROLE olympus PASSWORD '$owner';
ALTER ROLE olympus_app LOGIN PASSWORD '$app';
SELECT 'CREATE DATABASE olympus OWNER olympus'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'olympus') \gexec
SQL
}

database_url() { url_of olympus_app postgres-app.password; }
owner_url() { url_of olympus postgres-owner.password; }

# url_of ROLE SECRET
url_of() { say "postgres://$1:$(secret "$2")@127.0.0.1:$OLYMPUS_POSTGRES_PORT/olympus"; }

# prepare_tables: up to date, and with the demo data. The passwords are not shown to `ps`.
prepare_tables() {
  OLYMPUS__POSTGRES__URL=$(database_url) OLYMPUS__POSTGRES__OWNER_URL=$(owner_url) \
    "$PROGRAMS/olympus" migrate -c "$ROOT/conf/proxy.toml" --seed-demo >"$LOG_DIR/migrate.log" 2>&1 9>&- ||
    { last_lines migrate; die "the tables could not be prepared"; }
}
