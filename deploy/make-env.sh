#!/bin/sh
# Makes .env from .env.example, with 32 random bytes in hex for each CHANGE_ME. Never touches an .env that is there.
set -eu
cd "$(dirname "$0")/.."
out="${1:-.env}"
if [ -e "$out" ]; then
  echo "$out is there already; nothing was changed." >&2
  exit 1
fi
umask 077
while IFS= read -r line || [ -n "$line" ]; do
  case "$line" in
    *=CHANGE_ME) printf '%s=%s\n' "${line%%=*}" "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')" ;;
    *) printf '%s\n' "$line" ;;
  esac
done <.env.example >"$out.new"
mv "$out.new" "$out"
echo "Wrote $out."
