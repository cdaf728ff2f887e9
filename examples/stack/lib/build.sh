# The programs the stack runs: the gateway, the Rust backends and the Python environment.
# shellcheck shell=bash

build_programs() {
  if [[ $OLYMPUS_BIN_DIR ]]; then
    OLYMPUS_BIN_DIR=$(cd "$OLYMPUS_BIN_DIR" && pwd -P) || die "OLYMPUS_BIN_DIR is not a folder"
    return 0
  fi
  say "building (profile $OLYMPUS_PROFILE; the first time takes minutes)"
  interruptible env --chdir="$ROOT" cargo build --profile "$OLYMPUS_PROFILE" --locked --bin olympus --examples ||
    die "the build failed"
}

# bin_dir: where the built programs are.
bin_dir() {
  if [[ $OLYMPUS_BIN_DIR ]]; then
    say "$OLYMPUS_BIN_DIR"
  elif [[ $OLYMPUS_PROFILE == dev ]]; then
    say "$(target_dir)/debug"
  else
    say "$(target_dir)/$OLYMPUS_PROFILE"
  fi
}

target_dir() {
  (cd "$ROOT" && cargo metadata --no-deps --format-version 1 --locked) |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# prepare_venv FILE...: the virtual environment of the Python backend, renewed when a requirements file changed.
prepare_venv() {
  local venv=$RUN_DIR/venv wanted file
  wanted=$(cat "$@" | sha256sum)
  [[ -x $venv/bin/python && $(cat "$venv/installed" 2>/dev/null) == "$wanted" ]] && return 0
  say "preparing the Python environment"
  interruptible "$(find_python)" -m venv --clear "$venv" || die "no virtual environment could be made in $venv"
  local options=(--quiet --disable-pip-version-check)
  for file in "$@"; do options+=(--requirement "$file"); done
  interruptible "$venv/bin/python" -m pip install "${options[@]}" || die "the Python packages could not be installed"
  printf '%s' "$wanted" >"$venv/installed"
}
