#!/bin/sh
# Runs one command of Lectern as a job beside the service, with its settings and the volume /backups
# (components/jobs), and shows what it says.
#
#   deploy/kubernetes/one-off.sh restore /backups/lectern-20261126T181500Z.tar
#   IMAGE=registry.example.org/lectern:1.1 deploy/kubernetes/one-off.sh migrate-schema --to head
#   deploy/kubernetes/one-off.sh --env LECTERN_EMBEDDING_MODEL=bge-m3 reindex
#
# NAMESPACE is `lectern` unless it is set; IMAGE, the one that the service has.
set -eu
namespace=${NAMESPACE:-lectern}
container=/spec/template/spec/containers/0
changes=

quoted() {
  printf '"%s"' "$(printf %s "$1" | sed 's/[\\"]/\\&/g')"
}
change() { # operation, where, value as JSON
  changes="${changes:+$changes,}{\"op\":\"$1\",\"path\":\"$container/$2\",\"value\":$3}"
}

while [ "$1" = --env ]; do
  change add env/- "{\"name\":$(quoted "${2%%=*}"),\"value\":$(quoted "${2#*=}")}"
  shift 2
done
[ -z "${IMAGE:-}" ] || change replace image "$(quoted "$IMAGE")"
name=lectern-$1-$(date +%s)
arguments=
for argument in "$@"; do
  arguments="${arguments:+$arguments,}$(quoted "$argument")"
done
change replace args "[$arguments]"

pattern=$(kubectl -n "$namespace" create job "$name" --from=cronjob/lectern-one-off --dry-run=client -o yaml)
job=$(printf '%s\n' "$pattern" | kubectl patch --local -f - --type json -p "[$changes]" -o yaml)
printf '%s\n' "$job" | kubectl -n "$namespace" create -f -
# Until its container has started there is no log; then it is followed to the end.
tries=150
until kubectl -n "$namespace" logs --follow "job/$name" 2>/dev/null; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || break
  sleep 2
done
kubectl -n "$namespace" wait --for=condition=complete --timeout=30s "job/$name"
