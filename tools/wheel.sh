#!/usr/bin/env bash
# wheel.sh [DIR] - build the Python package as a wheel in DIR (dist/)
#
# With the runtime library, the compiler and the libraries that it needs beside
# those that every Linux has. The platform's tag is that of the newest version of
# glibc that any of them asks for (PEP 600).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=$(realpath -m "${1:-dist}")
cmake --build --preset default --target attn-compile attn_runtime attn_exchange >/dev/null
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cp -r python/. "$stage"
package=$stage/attn
mkdir -p "$package/licenses"
cp LICENSE "$package/licenses/attn"
strip=/usr/lib/llvm-22/bin/llvm-strip
"$strip" build/bin/attn-compile -o "$package/attn-compile"
for library in libattn_runtime.so _exchange.abi3.so; do
  "$strip" "build/lib/$library" -o "$package/$library"
done
# What PEP 599 lets a wheel find on the machine, and what LLVM needs beside it.
everywhere='linux-vdso|ld-linux|libc\.so|libm\.so|libgcc_s|libstdc\+\+|libz\.so|libpthread|libdl|librt'
while read -r name path; do
  cp -L "$path" "$package/$name"
  owner=$(dpkg-query -S "$(realpath "$path")" | cut -d: -f1)
  cp "/usr/share/doc/$owner/copyright" "$package/licenses/$owner"
done < <(ldd build/bin/attn-compile build/lib/libattn_runtime.so |
  awk '$2 == "=>" { print $1, $3 }' | grep -Ev "^($everywhere)" | sort -u)
glibc=$(/usr/lib/llvm-22/bin/llvm-readelf --version-info \
  "$package/attn-compile" "$package"/*.so* | grep -o 'GLIBC_[0-9]*\.[0-9]*' |
  sort -uV | tail -1)
glibc=${glibc#GLIBC_}
export ATTN_WHEEL_PLATFORM=manylinux_${glibc/./_}_$(uname -m)
.venv/bin/python3 -m pip wheel --quiet --disable-pip-version-check --no-deps \
  --no-build-isolation --no-index --wheel-dir "$out" "$stage"
ls -l "$out"/attn-*.whl | awk '{ print $NF ": " $5 " bytes" }'
