#!/bin/bash
# Prints the commands that give the users of the roles their rights (kafka-acls.txt), for an administrator to read and run.
#   print-kafka-acls.sh BOOTSTRAP_SERVER [TOPIC_PREFIX] [COMMAND_CONFIG]
# TOPIC_PREFIX is eventLog.kafka.prefix; COMMAND_CONFIG the administrator's properties file.
set -euo pipefail
server=${1:?usage: print-kafka-acls.sh BOOTSTRAP_SERVER [TOPIC_PREFIX] [COMMAND_CONFIG]}
prefix=${2:-}
config=${3:-}
while read -r principal resource pattern name operations; do
  [ -z "$principal" ] || [ "${principal#\#}" != "$principal" ] && continue
  printf 'kafka-acls.sh --bootstrap-server %q' "$server"
  [ -z "$config" ] || printf ' --command-config %q' "$config"
  printf ' --add --allow-principal %q --%s %q --resource-pattern-type %s' \
    "User:$principal" "$resource" "$prefix$name" "$pattern"
  for operation in ${operations//,/ }; do printf ' --operation %s' "$operation"; done
  echo
done <"$(dirname "${BASH_SOURCE[0]}")/kafka-acls.txt"
