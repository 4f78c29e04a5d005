#!/bin/bash
# Runs once, in the image of Elasticsearch: data views, searches and dashboards into Kibana, and the detection rules, which are off until somebody
# turns them on. May run again: objects of the same id are replaced.
set -euo pipefail
server=http://kibana:5601
import() {
  local path=$1 file=$2
  curl --fail-with-body --silent --show-error --user "elastic:$ELASTIC_PASSWORD" --header 'kbn-xsrf: countersign' \
    --form "file=@$file;type=application/ndjson" "$server$path"
  echo
}
import '/api/saved_objects/_import?overwrite=true' /kibana/saved-objects.ndjson
import '/api/detection_engine/rules/_import?overwrite=true' /kibana/detection-rules.ndjson
echo 'Everything is imported.'
