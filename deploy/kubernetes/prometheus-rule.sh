#!/bin/sh
# The alerts of deploy/prometheus as a resource for the Prometheus operator. RELEASE is the label that
# kube-prometheus-stack looks for, the name of its release.
#
#   RELEASE=kube-prometheus-stack deploy/kubernetes/prometheus-rule.sh | kubectl -n lectern apply -f -
set -eu
cat <<END
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: lectern
  labels:
    app.kubernetes.io/name: lectern
    release: "${RELEASE:-kube-prometheus-stack}"
spec:
END
sed 's/^/  /' "$(dirname "$0")/../prometheus/alerts.yml"
