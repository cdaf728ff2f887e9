# Secrets are made once, kept below .run, and readable by their owner only.
# shellcheck shell=bash

# make_secret FILE: 32 random bytes in hexadecimal, without a line end.
make_secret() {
  [[ ! -s $1 ]] || return 0
  (umask 077 && od -An -tx1 -N32 /dev/urandom | tr -d ' \n' >"$1.new" && mv "$1.new" "$1")
}

make_secrets() {
  local name
  for name in admin.token service.token postgres.password postgres-owner.password postgres-app.password redis.password; do
    make_secret "$RUN_DIR/$name"
  done
}

# make_keys: one key to sign tokens with. Further ones are for people to add.
make_keys() {
  local keys=("$RUN_DIR"/keys/*.pem)
  [[ ! -e ${keys[0]} ]] || return 0
  "$PROGRAMS/olympus" token --new-key "$RUN_DIR/keys" >/dev/null
}

secret() { cat "$RUN_DIR/$1"; }
