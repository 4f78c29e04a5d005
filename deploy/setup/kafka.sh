#!/bin/bash
# Runs once, in the image of Kafka: the users of the roles (SCRAM) and their rights (kafka-acls.txt). May run again: passwords are set anew.
set -euo pipefail
server=kafka-1:9094
cat >/tmp/admin.properties <<PROPERTIES
security.protocol=SSL
ssl.keystore.type=PEM
ssl.keystore.location=/etc/kafka/certificates/kafka.pem
ssl.truststore.type=PEM
ssl.truststore.location=/etc/kafka/certificates/ca.crt
PROPERTIES

for role in gateway detectors responders ingest; do
  umask 077
  printf 'SCRAM-SHA-512=[iterations=8192,password=%s]\n' "$(cat "/run/secrets/kafka_${role}_password")" >/tmp/user.properties
  /opt/kafka/bin/kafka-configs.sh --bootstrap-server "$server" --command-config /tmp/admin.properties \
    --alter --entity-type users --entity-name "countersign-$role" --add-config-file /tmp/user.properties
done
rm -f /tmp/user.properties

while read -r principal resource pattern name operations; do
  [ -z "$principal" ] || [ "${principal#\#}" != "$principal" ] && continue
  flags=()
  for operation in ${operations//,/ }; do flags+=(--operation "$operation"); done
  /opt/kafka/bin/kafka-acls.sh --bootstrap-server "$server" --command-config /tmp/admin.properties --add \
    --allow-principal "User:$principal" "--$resource" "$name" --resource-pattern-type "$pattern" "${flags[@]}" </dev/null
done </setup/kafka-acls.txt
echo 'Users and rights are set.'
