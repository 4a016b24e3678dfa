# $1 is Python, $2 packs. What lies in the folder itself may be built, too: that is done on a copy of it.
set -eu
"$1" -I -c 'import pip' 2>/dev/null || exit 90
mkdir /tmp/out
cp -R /var/task /tmp/source
cd /tmp/source
"$1" -I -m pip install --disable-pip-version-check --no-input --no-cache-dir --no-compile --prefer-binary \
    --progress-bar off --no-color --requirement requirements.txt --target /tmp/out >&2
exec "$1" -I -c "$2" /tmp/out ''
