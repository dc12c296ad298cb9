#!/usr/bin/env bash
# setup.sh - install what attn builds and tests with, then configure build/
#
# For Debian bookworm, as root or with sudo. Packages that are there are left
# alone, so a second run takes a moment and needs no network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '== %s\n' "$*"; }
die() {
  printf 'setup: error: %s\n' "$*" >&2
  exit 1
}

packages=(
  ca-certificates git python3 python3-dev python3-venv
  cmake ninja-build ccache
  clang-22 lld-22 clang-format-22 clang-tidy-22
  llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools
  libdlpack-dev libgtest-dev libzstd-dev nlohmann-json3-dev zlib1g-dev
)

as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "installing Debian packages needs root or sudo: install ${missing[*]}"
  fi
}

# apt_get ARGS...: without a question, waiting for another apt's lock, and three
# times before giving up, since mirrors drop connections.
apt_get() {
  local attempt
  for attempt in 1 2 3; do
    if as_root env DEBIAN_FRONTEND=noninteractive apt-get \
      -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -qq -y "$@" </dev/null; then
      return 0
    fi
    say "apt-get $1 failed, attempt $attempt of 3"
    sleep $((attempt * 5))
  done
  return 1
}

is_installed() {
  [[ $(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null) == ii* ]]
}

missing=()
command -v dpkg-query >/dev/null ||
  die "expects a Debian system with dpkg, but found none"
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
if ((${#missing[@]})); then
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  # One index that cannot be fetched does not matter if the packages are found.
  apt_get update || say "apt-get update failed, going on with the lists at hand"
  apt_get install --no-install-recommends "${missing[@]}" >/dev/null ||
    die "apt-get could not install ${missing[*]}: LLVM 22 is in Debian bookworm's security suite, which the machine's apt sources must name"
fi

# The venv is built again when the pinned packages change or it is incomplete.
venv=.venv
stamp=$venv/requirements.txt
if ! cmp -s tools/requirements.txt "$stamp" || ! "$venv/bin/python3" -c '' 2>/dev/null; then
  say "installing Python packages into $venv"
  rm -rf "$venv"
  /usr/bin/python3 -m venv "$venv"
  "$venv/bin/python3" -m pip install --quiet --disable-pip-version-check \
    --no-input --retries 5 -r tools/requirements.txt </dev/null
  cp tools/requirements.txt "$stamp"
fi

# CMake reconfigures by itself when its own files change. A venv's python3 is a
# link, so its path is passed on unresolved.
python=$PWD/$venv/bin/python3
if [[ ! -f build/build.ninja ]] ||
  ! grep -qxF "Python3_EXECUTABLE:FILEPATH=$python" build/CMakeCache.txt; then
  say "configuring build/"
  log=$(mktemp)
  if ! cmake --preset default -DPython3_EXECUTABLE:FILEPATH="$python" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    die "cmake could not configure build/"
  fi
  rm -f "$log"
fi
