#!/usr/bin/env bash
# A real Elasticsearch server for tests, from Maven Central's integ-test distribution.
#   elasticsearch.sh check | fetch | start | stop | status | clean
# Environment (defaults in brackets):
#   ES_VERSION   9.5.3, or 8.19.21 [9.5.3 where a full JDK >= 21 is found, else 8.19.21]
#   ES_PORT [9200]  ES_TRANSPORT_PORT [9300]
#   ES_DATA      this node's folder: config, data, logs, pid [/var/tmp/countersign/elasticsearch-$ES_PORT]
#   ES_CACHE     where the server is unpacked [${XDG_CACHE_HOME:-~/.cache}/countersign/elasticsearch; as root, where ES_UID cannot
#                read that folder: /var/tmp/countersign/elasticsearch]
#   ES_SETTINGS  more lines for elasticsearch.yml [none]
#   ES_HEAP [512m]   ES_JIT fast|full [fast: starts in half the CPU time]
#   ES_UID       the unprivileged uid it runs under when this script runs as root [19200]
#   ES_JAVA_HOME a full JDK (found by itself otherwise)
#   ES_PASSWORD  set: security on, user elastic with this password, plain http [unset: security off]
#   ES_TLS       folder with tls.crt and tls.key: https with them; with ES_PASSWORD only [unset: plain http]
#   ES_GAP [0]   1: also build and load gap-plugin/ (GET /, _data_stream, _ilm/policy, _delete_by_query); 9.5.x only
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ES_PORT=${ES_PORT:-9200}; ES_TRANSPORT_PORT=${ES_TRANSPORT_PORT:-9300}
ES_DATA=${ES_DATA:-/var/tmp/countersign/elasticsearch-$ES_PORT}
ES_HEAP=${ES_HEAP:-512m}; ES_JIT=${ES_JIT:-fast}; ES_UID=${ES_UID:-19200}; ES_GAP=${ES_GAP:-0}
PIDFILE=$ES_DATA/es.pid
die() { echo "elasticsearch.sh: $*" >&2; exit 1; }
say() { echo "elasticsearch.sh: $*" >&2; }

as_es() { if [ "$(id -u)" = 0 ]; then setpriv --reuid "$ES_UID" --regid "$ES_UID" --clear-groups "$@"; else "$@"; fi; }
# The server runs under a uid of its own, which has to read what was unpacked.
if [ -z "${ES_CACHE:-}" ]; then
  ES_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/countersign/elasticsearch
  mkdir -p "$ES_CACHE"; as_es test -x "$ES_CACHE" || ES_CACHE=/var/tmp/countersign/elasticsearch
fi
sha_of() { case $1 in
  9.5.3)   echo bec49f3b8d00e75c8d1cec85c35298635ec9fbd3ae80ef5aeb6bc05abdb3db2d ;;
  8.19.21) echo 215d5f3dbf0609a149f6218a9e47b6ae2df34ebbff3c5754e35f15a5e5393c8a ;;
  *) echo "" ;;
esac; }

# jdk MIN : prints the home of a JDK that is at least MIN and has the modules the server requires
jdk() {
  local min=$1 h v m
  for h in ${ES_JAVA_HOME:-} ${JAVA_HOME:-} $(ls -d /usr/lib/jvm/*/ 2>/dev/null | sort -rV) "$(dirname "$(dirname "$(readlink -f "$(command -v java || echo /x/x)")")")"; do
    h=${h%/}; [ -x "$h/bin/java" ] || continue
    v=$("$h/bin/java" -version 2>&1 | sed -nE '1s/.*"([0-9]+).*/\1/p'); [ "${v:-0}" -ge "$min" ] || continue
    m=$("$h/bin/java" --list-modules 2>/dev/null | sed 's/@.*//' | tr '\n' ' ')
    [[ " $m" == *" jdk.jdi "* && " $m" == *" jdk.jlink "* ]] || continue
    echo "$h"; return 0
  done
  return 1
}
choose() {
  if [ -z "${ES_VERSION:-}" ]; then
    if jdk 21 >/dev/null; then ES_VERSION=9.5.3; else ES_VERSION=8.19.21; say "no full JDK >= 21 here: falling back to $ES_VERSION"; fi
  fi
  case $ES_VERSION in 9.*) J=$(jdk 21) || die "Elasticsearch $ES_VERSION needs a full JDK >= 21 (with jdk.jdi and jdk.jlink)" ;;
    *) J=$(jdk 17) || die "Elasticsearch $ES_VERSION needs a full JDK >= 17" ;; esac
  ES_HOME=$ES_CACHE/elasticsearch-$ES_VERSION
}
# Servers with and without the plugin may run at once: each has a tree of its own, of hard links.
with_gap() {
  case $ES_GAP:$ES_VERSION in 1:9.5.*) ;; *) return 0 ;; esac
  [ -x "$J/bin/javac" ] || { say "no javac: without gap-plugin"; return 0; }
  local stamp tree t; stamp=$(cat "$HERE"/gap-plugin/build.sh "$HERE"/gap-plugin/plugin-descriptor.properties.in "$HERE"/gap-plugin/src/localgap/*.java | sha256sum | cut -c1-16)
  tree=$ES_HOME-gap-$stamp
  if [ ! -f "$tree/.gap" ]; then
    t=$(mktemp -d "$ES_CACHE/.gap.XXXXXX"); chmod a+rx "$t"; cp -al "$ES_HOME/." "$t/"
    bash "$HERE/gap-plugin/build.sh" "$t" "$J" 2>/dev/null || { rm -rf "$t"; die "gap-plugin did not compile"; }
    chmod -R a+rX "$t/plugins"; touch "$t/.gap"; rm -rf "$tree"; mv "$t" "$tree"
  fi
  ES_HOME=$tree
}
# One process fetches; others wait for it.
fetch() { choose; mkdir -p "$ES_CACHE"; exec 9>"$ES_CACHE/.lock"; flock 9; fetch_server; with_gap; flock -u 9; exec 9>&-; }
fetch_server() {
  [ -f "$ES_HOME/.complete" ] && return 0
  local t; t=$(mktemp -d "$ES_CACHE/.fetch.XXXXXX")
  MAVEN_OPTS="${MAVEN_OPTS:--Xmx256m}" mvn -q -B -f "$HERE/pom.xml" "-Des.version=$ES_VERSION" "-Dout=$t" process-resources >"$t/mvn.log" 2>&1 || { grep -m3 ERROR "$t/mvn.log" >&2; rm -rf "$t"; die "could not fetch the server zip"; }
  local z=$t/elasticsearch-$ES_VERSION.zip want; want=$(sha_of "$ES_VERSION")
  if [ -n "$want" ]; then echo "$want  $z" | sha256sum -c --quiet - || { rm -rf "$t"; die "sha256 of the zip is not the expected one"; }; else say "no known sha256 for $ES_VERSION: not checked"; fi
  if command -v unzip >/dev/null; then unzip -q "$z" -d "$t"; else (cd "$t" && "$J/bin/jar" xf "$z"); fi
  chmod +x "$t/elasticsearch-$ES_VERSION"/bin/*; chmod -R a+rX "$t"
  rm -rf "$ES_HOME"; mv "$t/elasticsearch-$ES_VERSION" "$ES_HOME"; touch "$ES_HOME/.complete"; rm -rf "$t"
}
running() { # the recorded pid is alive and is the server of this folder
  local p; p=$(cat "$PIDFILE" 2>/dev/null) || return 1
  [ -n "$p" ] && [ -r "/proc/$p/cmdline" ] && tr '\0' '\n' < "/proc/$p/cmdline" 2>/dev/null | grep -qxF -- "-Djava.io.tmpdir=$ES_DATA/tmp" && PID=$p
}
start() {
  running && { say "already running, pid $PID"; return 0; }
  fetch
  mkdir -p "$ES_DATA"/{config,data,logs,tmp,repo}
  cp "$ES_HOME/config/log4j2.properties" "$ES_DATA/config/"
  sed -E '/^-Xlog:gc/d' "$ES_HOME/config/jvm.options" > "$ES_DATA/config/jvm.options"
  "$J/bin/java" --list-modules | grep -q '^jdk.incubator.vector' || sed -i '/incubator.vector/d' "$ES_DATA/config/jvm.options"
  cat > "$ES_DATA/config/elasticsearch.yml" <<Y
cluster.name: es-local
node.name: local
path.data: $ES_DATA/data
path.logs: $ES_DATA/logs
path.repo: $ES_DATA/repo
http.host: 127.0.0.1
http.port: $ES_PORT
transport.host: 127.0.0.1
transport.port: $ES_TRANSPORT_PORT
discovery.type: single-node
cluster.routing.allocation.disk.threshold_enabled: false
xpack.security.enabled: $([ -n "${ES_PASSWORD:-}" ] && echo true || echo false)
Y
  # with security on, its own set-up of certificates is switched off: plain http on the loopback
  [ -z "${ES_PASSWORD:-}" ] || printf '%s\n' 'xpack.security.enrollment.enabled: false' "xpack.security.http.ssl.enabled: $([ -n "${ES_TLS:-}" ] && echo true || echo false)" 'xpack.security.transport.ssl.enabled: false' >> "$ES_DATA/config/elasticsearch.yml"
  if [ -n "${ES_TLS:-}" ]; then
    cp "$ES_TLS"/tls.{crt,key} "$ES_DATA/config/"
    printf '%s\n' 'xpack.security.http.ssl.certificate: tls.crt' 'xpack.security.http.ssl.key: tls.key' >> "$ES_DATA/config/elasticsearch.yml"
  fi
  [ -z "${ES_SETTINGS:-}" ] || printf '%s\n' "$ES_SETTINGS" >> "$ES_DATA/config/elasticsearch.yml"
  [ "$(id -u)" != 0 ] || chown -R "$ES_UID:$ES_UID" "$ES_DATA"
  local opts="-Xms$ES_HEAP -Xmx$ES_HEAP -XX:-AlwaysPreTouch"
  [ "$ES_JIT" = full ] || opts="$opts -XX:TieredStopAtLevel=1"
  ulimit -n 65535 2>/dev/null || true
  local env=(env -i PATH="$PATH" HOME="$ES_DATA" LANG=C.UTF-8 HOSTNAME=local ES_JAVA_HOME="$J" ES_PATH_CONF="$ES_DATA/config" ES_TMPDIR="$ES_DATA/tmp"
    CLI_JAVA_OPTS="-XX:TieredStopAtLevel=1 -Djava.io.tmpdir=$ES_DATA/tmp" ES_JAVA_OPTS="$opts")
  cd "$ES_DATA"
  if [ -n "${ES_PASSWORD:-}" ]; then
    [ -f config/elasticsearch.keystore ] || as_es "${env[@]}" "$ES_HOME/bin/elasticsearch-keystore" create >/dev/null
    printf '%s' "$ES_PASSWORD" | as_es "${env[@]}" "$ES_HOME/bin/elasticsearch-keystore" add -x -f bootstrap.password >/dev/null
  fi
  rm -f "$PIDFILE"
  # -d returns once the node has started (or has failed to)
  as_es "${env[@]}" "$ES_HOME/bin/elasticsearch" -d -p "$PIDFILE" > "$ES_DATA/start.log" 2>&1 < /dev/null || { grep -vE ' = ' "$ES_DATA/start.log" | tail -20 >&2; die "did not start"; }
  running || die "started but its pid is not to be found"
  # indices of an earlier run recover after that: wait for their primaries
  curl -fsS -k -m 90 --retry 60 --retry-delay 1 --retry-max-time 90 ${ES_PASSWORD:+-u "elastic:$ES_PASSWORD"} "http${ES_TLS:+s}://127.0.0.1:$ES_PORT/_cluster/health?wait_for_status=yellow&timeout=60s" >/dev/null || die "does not answer on port $ES_PORT"
  say "Elasticsearch $ES_VERSION on http${ES_TLS:+s}://127.0.0.1:$ES_PORT, pid $PID, $J"
}
stop() {
  running || { say "not running"; rm -f "$PIDFILE"; return 0; }
  kill "$PID"; for _ in $(seq 150); do kill -0 "$PID" 2>/dev/null || break; sleep 0.2; done
  if kill -0 "$PID" 2>/dev/null; then kill -9 "$PID"; fi
  rm -f "$PIDFILE"; say "stopped"
}
status() {
  running || { say "not running"; return 3; }
  say "running, pid $PID, $(awk '/VmRSS/{print int($2/1024)" MiB"}' "/proc/$PID/status")"
}
case ${1:-} in
  check) jdk 21 >/dev/null || die 'no full JDK >= 21 (with jdk.jdi and jdk.jlink)'; command -v mvn >/dev/null || die 'no Maven' ;;
  fetch) fetch; echo "$ES_HOME" ;;
  start) start ;;
  stop) stop ;;
  status) status ;;
  clean) stop; rm -rf "${ES_DATA:?}"/{config,data,logs,tmp,repo,start.log} ;;
  *) die "usage: elasticsearch.sh check|fetch|start|stop|status|clean" ;;
esac
