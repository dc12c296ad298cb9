#!/usr/bin/env bash
# lint.sh - check the C++ sources' format and run clang-tidy over them
#
#   tools/lint.sh            files that differ from main, and new ones
#   tools/lint.sh --all      every file
#   tools/lint.sh --format   the format only (no build needed)
#   tools/lint.sh --fix      write the right format instead of complaining
#
# clang-tidy needs a built tree: it reads build/compile_commands.json and the
# headers that tablegen writes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

all=false tidy=true format=(--dry-run -Werror)
for argument in "$@"; do
  case $argument in
  --all) all=true ;;
  --format) tidy=false ;;
  --fix) format=(-i) tidy=false ;;
  -h | --help)
    sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
  *)
    printf "lint: error: unknown argument '%s', see --help\n" "$argument" >&2
    exit 2
    ;;
  esac
done

# A tree without git's data, such as an unpacked archive, is listed whole.
list() {
  if ! git rev-parse -q --is-inside-work-tree >/dev/null 2>&1; then
    find dialects include lib test tools -type f \( -name "$1" ${2:+-o -name "$2"} ${3:+-o -name "$3"} \)
  elif $all || ! git rev-parse -q --verify main >/dev/null; then
    git ls-files --cached --others --exclude-standard -- "$@"
  else
    git diff --name-only --diff-filter=d "$(git merge-base main HEAD)" -- "$@"
    git ls-files --others --exclude-standard -- "$@"
  fi | sort -u
}

status=0
mapfile -t sources < <(list '*.cpp' '*.h' '*.c')
if ((${#sources[@]})); then
  clang-format-22 "${format[@]}" "${sources[@]}" || {
    status=1
    printf 'lint: tools/lint.sh --fix --all writes the right format\n' >&2
  }
fi
printf 'lint: format of %d files\n' "${#sources[@]}"

if $tidy; then
  database=build/compile_commands.json
  if [[ ! -f $database ]]; then
    printf 'lint: error: clang-tidy needs %s: run tools/test.sh first\n' "$database" >&2
    exit 2
  fi
  # A file that no target compiles has no flags to check it with. The build's
  # precompiled header is clang's own, so clang-tidy reads it as it is.
  mapfile -t compiled < <(list '*.cpp' '*.c' | while read -r source; do
    grep -qF "\"file\": \"$PWD/$source\"" "$database" && printf '%s\n' "$source"
  done)
  if ((${#compiled[@]})); then
    printf '%s\0' "${compiled[@]}" |
      xargs -0 -n 1 -P "$(nproc)" clang-tidy-22 -p build --quiet || status=1
  fi
  printf 'lint: clang-tidy on %d files\n' "${#compiled[@]}"
fi
((status == 0)) && printf 'lint: clean\n'
exit "$status"
