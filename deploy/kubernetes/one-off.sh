#!/bin/sh
# Runs one command of Lectern as a job beside the service, with its settings and the volume /backups
# (components/jobs), and shows what it says.
#
#   deploy/kubernetes/one-off.sh restore /backups/lectern-20261126T181500Z.tar
#   IMAGE=registry.example.org/lectern:1.1 deploy/kubernetes/one-off.sh migrate-schema --to head
#
# NAMESPACE is `lectern` unless it is set; IMAGE, the one that the service has.
set -eu
namespace=${NAMESPACE:-lectern}
name=lectern-$1-$(date +%s)
arguments=
for argument in "$@"; do
  arguments="$arguments,\"$(printf %s "$argument" | sed 's/[\\"]/\\&/g')\""
done
container=/spec/template/spec/containers/0
changes="{\"op\":\"replace\",\"path\":\"$container/args\",\"value\":[${arguments#,}]}"
if [ -n "${IMAGE:-}" ]; then
  changes="$changes,{\"op\":\"replace\",\"path\":\"$container/image\",\"value\":\"$IMAGE\"}"
fi
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
