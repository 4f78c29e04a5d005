#!/bin/bash
# Runs once, in the image of Elasticsearch, which brings certutil: an authority of this installation and a certificate for each service, into the
# volume `certificates`, a folder each, so that a container sees its own key only. Nothing is changed that is there already.
set -euo pipefail
out=/certificates
work=$(mktemp -d)
tool=/usr/share/elasticsearch/bin/elasticsearch-certutil

if [ ! -f "$out/authority/ca.crt" ]; then
  "$tool" ca --silent --pem --days 3650 --out "$work/ca.zip"
  unzip -q "$work/ca.zip" -d "$work"
  mkdir -p "$out/authority"
  cp "$work/ca/ca.crt" "$work/ca/ca.key" "$out/authority/"
  chmod 0700 "$out/authority"
fi

# name, owner of its files, further names in the certificate
make() {
  local name=$1 owner=$2
  shift 2
  [ -f "$out/$name/tls.crt" ] && return
  local names=$name
  for other in "$@"; do names="$names,$other"; done
  local addresses=127.0.0.1
  [[ ${PUBLIC_NAME:-} =~ ^[0-9.]+$ && $name == gateway-* ]] && addresses="$addresses,$PUBLIC_NAME"
  "$tool" cert --silent --pem --days 825 --name "$name" --dns "$names" --ip "$addresses" \
    --ca-cert "$out/authority/ca.crt" --ca-key "$out/authority/ca.key" --out "$work/$name.zip"
  unzip -q "$work/$name.zip" -d "$work"
  mkdir -p "$out/$name"
  cp "$work/$name/$name.crt" "$out/$name/tls.crt"
  cp "$work/$name/$name.key" "$out/$name/tls.key"
  cp "$out/authority/ca.crt" "$out/$name/ca.crt"
  # Kafka reads key and chain from one file, the key as PKCS #8.
  if [[ $name == kafka-* ]]; then
    openssl pkcs8 -topk8 -nocrypt -in "$out/$name/tls.key" -out "$work/$name.pk8"
    cat "$work/$name.pk8" "$out/$name/tls.crt" >"$out/$name/kafka.pem"
  fi
  chown -R "$owner" "$out/$name"
  chmod 0500 "$out/$name"
  chmod 0400 "$out/$name"/*
}

make elasticsearch 1000:0 localhost
make kibana 1000:0 localhost
for n in 1 2 3; do make "kafka-$n" 1000:1000 localhost; done
make kafka-admin 1000:1000
make store 999:999 localhost
make target 999:999 localhost
for n in 1 2; do
  if [[ ${PUBLIC_NAME:-localhost} =~ ^[0-9.]+$|^localhost$ ]]; then make "gateway-$n" 1000:1000 localhost; else make "gateway-$n" 1000:1000 localhost "$PUBLIC_NAME"; fi
done
# For those who only check others.
mkdir -p "$out/clients"
cp "$out/authority/ca.crt" "$out/clients/ca.crt"
chmod 0755 "$out" "$out/clients"
chmod 0444 "$out/clients/ca.crt"
echo 'All certificates are there.'
