#!/bin/sh
# Build warifu-sign as a folder that needs no Python, in an environment of its own; then measure it.
# Usage: build.sh PYTHON OUT
set -eu
python=$1
out=$2
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../../.." && pwd)
source="$root/packages/warifu-sign/src"
rm -rf "$out"
mkdir -p "$out"
"$python" -m venv "$out/venv"
"$root/.venv/bin/uv" pip install -q --python "$out/venv/bin/python" --require-hashes -r "$root/requirements/bundle.txt"
"$out/venv/bin/pyinstaller" --log-level ERROR --noconfirm --onedir --name warifu-sign \
  --paths "$source" --collect-data pyhanko --add-data "$source/warifu_sign/policy.json:warifu_sign" \
  --add-data "$source/warifu_sign/words.json:warifu_sign" \
  --add-data "$source/warifu_sign/steps.json:warifu_sign" \
  --add-data "$source/warifu_sign/desk/words.json:warifu_sign/desk" \
  --add-data "$source/warifu_sign/desk/static:warifu_sign/desk/static" \
  --copy-metadata cryptography --copy-metadata lxml --copy-metadata pyhanko \
  --copy-metadata pyhanko-certvalidator --copy-metadata asn1crypto --copy-metadata fonttools \
  --distpath "$out/dist" --workpath "$out/work" --specpath "$out" "$here/warifu-sign.py"
cd "$out/dist/warifu-sign"
find . -type f ! -name digests.txt -print0 | LC_ALL=C sort -z | xargs -0 sha256sum > digests.txt
sha256sum --quiet --check digests.txt
# A bundle that lacks a part of itself would end in a traceback here, not in a verdict.
./warifu-sign verify digests.txt | grep -q document-kind
"$out/venv/bin/python" "$here/look.py" "$out/dist/warifu-sign/warifu-sign" "$out/home"
echo "files: $(wc -l < digests.txt), megabytes: $(du -sm . | cut -f1)"
echo "start, CPU seconds:"
bash -c 'TIMEFORMAT="%U user %S system"; time ./warifu-sign --version'
