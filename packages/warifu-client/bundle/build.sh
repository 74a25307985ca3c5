#!/bin/sh
# Build the updater and its launcher as folders that need no Python, in an environment of their own; then measure them.
# Usage: build.sh PYTHON OUT [ADDRESS ROOT PRODUCT UPDATER]
# With the last four, what a member downloads by hand is whole: setup/ says whose it is and what it trusts.
set -eu
python=$1
out=$2
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../../.." && pwd)
client="$root/packages/warifu-client/src"
wire="$root/packages/warifu-wire/src"
made="$out/warifu-updater"
rm -rf "$made" "$out/work"
mkdir -p "$made"
if ! cmp -s "$root/requirements/updater.txt" "$out/venv/updater.txt"; then
  rm -rf "$out/venv"
  "$python" -m venv "$out/venv"
  "$root/.venv/bin/uv" pip install -q --python "$out/venv/bin/python" --require-hashes -r "$root/requirements/updater.txt"
  cp "$root/requirements/updater.txt" "$out/venv/updater.txt"
fi
# The same source and packages give the same bytes.
export PYTHONHASHSEED=1 SOURCE_DATE_EPOCH=1328400000
freeze() {
  "$out/venv/bin/pyinstaller" --log-level ERROR --noconfirm --onedir --strip --paths "$client" --paths "$wire" \
    --exclude-module tkinter --exclude-module setuptools --distpath "$made" --workpath "$out/work" --specpath "$out/work" "$@"
}
freeze --name warifu-update --add-data "$client/warifu_client/words.json:warifu_client" "$here/warifu-update.py"
freeze --name warifu-launch --exclude-module ssl --exclude-module _ssl --exclude-module _hashlib --exclude-module _decimal \
  "$here/warifu-launch.py"
if [ $# -ge 6 ]; then
  mkdir "$made/setup"
  cp "$4" "$made/setup/root.json"
  "$python" -c 'import json, sys; print(json.dumps(dict(zip(("address", "product", "updater"), sys.argv[1:]))), end="")' \
    "$3" "$5" "$6" > "$made/setup/provider.json"
fi
cd "$made"
find . -type f ! -name digests.txt -print0 | LC_ALL=C sort -z | xargs -0 sha256sum > digests.txt
sha256sum --quiet --check digests.txt
for one in warifu-update warifu-launch; do
  echo "$one: $(find "$one" -type f | wc -l) files, $(du -sm "$one" | cut -f1) MB"
done
echo "digest of the whole: $(sha256sum < digests.txt | cut -d' ' -f1)"
echo "start, CPU seconds:"
bash -c 'TIMEFORMAT="warifu-update %U user %S system"; time ./warifu-update/warifu-update --help > /dev/null'
bash -c 'TIMEFORMAT="warifu-launch %U user %S system"; time ./warifu-launch/warifu-launch . true > /dev/null 2>&1' || true
