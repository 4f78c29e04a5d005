#!/bin/bash
# Runs once, in the image of Elasticsearch: roles and users of ingest (writes), gateways (read), Kibana's password. May run again.
set -euo pipefail
server=https://elasticsearch:9200
ask() {
  local method=$1 path=$2 body=$3
  curl --fail-with-body --silent --show-error --cacert /certificates/ca.crt --user "elastic:$ELASTIC_PASSWORD" \
    --request "$method" "$server$path" --header 'content-type: application/json' --data "$body"
  echo
}
ask PUT /_security/role/countersign-ingest "$(cat /setup/role-ingest.json)"
ask PUT /_security/role/countersign-reader "$(cat /setup/role-reader.json)"
ask PUT /_security/user/countersign-ingest "{\"password\":\"$INGEST_PASSWORD\",\"roles\":[\"countersign-ingest\"]}"
ask PUT /_security/user/countersign-reader "{\"password\":\"$READER_PASSWORD\",\"roles\":[\"countersign-reader\"]}"
ask POST /_security/user/kibana_system/_password "{\"password\":\"$KIBANA_PASSWORD\"}"
echo 'Roles and users are set.'
