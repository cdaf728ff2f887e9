# The programs the stack runs: the gateway, the Rust backends and the Python environment.
# shellcheck shell=bash

build_programs() {
  [[ -z $OLYMPUS_BIN_DIR ]] || return 0
  say "building (profile $OLYMPUS_PROFILE; the first time takes minutes)"
  interruptible env --chdir="$ROOT" cargo build --profile "$OLYMPUS_PROFILE" --locked --bin olympus --examples ||
    die "the build failed"
}

# find_programs: sets PROGRAMS to the folder they are in.
# shellcheck disable=SC2034  # read where they are started
find_programs() {
  if [[ $OLYMPUS_BIN_DIR ]]; then
    PROGRAMS=$(cd "$OLYMPUS_BIN_DIR" && pwd -P) || die "OLYMPUS_BIN_DIR is no folder"
  else
    PROGRAMS=$(target_dir)/${OLYMPUS_PROFILE/#dev/debug} # cargo keeps the dev profile in `debug`
  fi
}

target_dir() {
  (cd "$ROOT" && cargo metadata --no-deps --format-version 1 --locked) |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# prepare_venv NAME FILE: a virtual environment below .run, renewed when the requirements changed.
prepare_venv() {
  local venv=$RUN_DIR/$1 file=$2 wanted
  wanted=$(cat "$(dirname "$file")"/requirements*.txt | sha256sum)
  [[ -x $venv/bin/python && $(cat "$venv/installed" 2>/dev/null) == "$wanted" ]] && return 0
  say "preparing the Python environment .run/$1"
  interruptible "$(find_python)" -m venv --clear "$venv" || die "no virtual environment could be made in $venv"
  interruptible "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$file" ||
    die "the Python packages of $file could not be installed"
  printf '%s' "$wanted" >"$venv/installed"
}
