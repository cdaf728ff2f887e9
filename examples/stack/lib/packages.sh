# What a fresh machine lacks besides Rust, and how it is installed: by apt-get, else by telling what to install.
# shellcheck shell=bash

install_missing() {
  require_linux
  require_cargo
  local packages=()
  mapfile -t packages < <(missing_packages)
  ((${#packages[@]})) || return 0
  command -v apt-get >/dev/null || die "please install: $(in_plain_words "${packages[@]}")"
  say "installing what is missing: ${packages[*]}"
  apt_install "${packages[@]}"
  mapfile -t packages < <(missing_packages)
  ((${#packages[@]} == 0)) || die "still missing after the installation: ${packages[*]}"
}

require_linux() {
  [[ -d /proc/self ]] || die "this stack needs Linux: it finds its processes through /proc"
}

require_cargo() {
  command -v cargo >/dev/null || PATH=$PATH:$HOME/.cargo/bin
  command -v cargo >/dev/null || die "no cargo found: install Rust first, see https://rustup.rs"
}

# missing_packages: the Debian packages of what is not there, one a line.
missing_packages() {
  compiles_c || printf '%s\n' gcc libc6-dev
  local program
  for program in make cmake curl; do
    command -v "$program" >/dev/null || say "$program"
  done
  find_python >/dev/null || say python3-venv
  postgres_bin >/dev/null || say postgresql
  redis_server >/dev/null || say redis-server
}

# A compiler without the C library's headers is no use, so one small program is built.
compiles_c() {
  local folder status=0
  folder=$(mktemp -d)
  printf '#include <stdio.h>\nint main(void) { return puts("") < 0; }\n' >"$folder/probe.c"
  cc "$folder/probe.c" -o "$folder/probe" 2>/dev/null || status=$?
  rm -rf "$folder"
  return "$status"
}

# find_python: the first one that is new enough and can make a virtual environment.
find_python() {
  local candidate
  for candidate in python3 /usr/bin/python3; do
    "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    say "$candidate"
    return 0
  done
  return 1
}

# in_plain_words PACKAGE...: for systems whose packages have other names.
in_plain_words() {
  local package words=()
  for package in "$@"; do
    case $package in
      gcc) words+=("a C compiler") ;;
      libc6-dev) words+=("the C library's headers") ;;
      python3-venv) words+=("Python 3.11 or later with venv") ;;
      postgresql) words+=("a PostgreSQL server, 15 or later") ;;
      redis-server) words+=("a Redis server, 6 or later") ;;
      *) words+=("$package") ;;
    esac
  done
  local IFS=';'
  say "${words[*]}" | sed 's/;/; /g'
}

# apt_install PACKAGE...: Debian starts servers it installs; ours are private, so it is asked not to.
apt_install() {
  as_root bash -euo pipefail -s -- "$@" <<'SCRIPT' || die "the installation failed; please install: $*"
policy=/usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
if [[ ! -e $policy ]]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
options=(-qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0)
apt-get "${options[@]}" update </dev/null
apt-get "${options[@]}" install -y --no-install-recommends "$@" </dev/null
SCRIPT
}

as_root() {
  if ((EUID == 0)); then
    "$@" 9>&-
  elif command -v sudo >/dev/null && { [[ -t 2 ]] || sudo -n true 2>/dev/null; }; then
    sudo "$@" 9>&-
  else
    return 1
  fi
}
