# $1 is Node.js, $2 packs. Links to programs are there while packages' own scripts run, which call each other's.
set -eu
command -v npm >/dev/null || exit 90
cp -R /var/task /tmp/source
cd /tmp/source
verb=install
if [ -f package-lock.json ] || [ -f npm-shrinkwrap.json ]; then verb=ci; fi
npm "$verb" --omit=dev --no-audit --no-fund --no-update-notifier --loglevel=http >&2
if [ -d node_modules ]; then exec "$1" -e "$2" /tmp/source/node_modules node_modules; fi
