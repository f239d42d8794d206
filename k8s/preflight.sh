#!/usr/bin/env bash
# What a cluster lacks for an overlay, by name, with what brings it. Changes nothing. Exit code: 0 nothing, 1 something, 2 it cannot tell.
# What begins with "note" would be good to have, or cannot be told.
#   k8s/preflight.sh OVERLAY
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
overlay=k8s/overlays/${1:?Name an overlay: dev, staging or production}

command -v kubectl >/dev/null || { echo "kubectl is not on the PATH."; exit 2; }
rendered=$(kubectl kustomize "$overlay") || exit 2
version=$(kubectl get --raw /version 2>/dev/null | sed -nE 's/.*"minor": *"([0-9]+).*/\1/p')
[ -n "$version" ] || { echo "The cluster does not answer. kubectl config current-context names the one that is asked."; exit 2; }

missing=0
lacks() {
  printf 'missing: %s\n         %s\n' "$1" "$2"
  missing=1
}
note() { printf 'note:    %s\n         %s\n' "$1" "$2"; }
uses() { grep -q "$1" <<<"$rendered"; }
there() { kubectl get "$@" >/dev/null 2>&1; }

# version_of TYPE ARGUMENTS...: what the label of an object says, as "1.16"; nothing when there is no such object, or no number.
version_of() { kubectl get "$@" --output jsonpath='{..metadata.labels.app\.kubernetes\.io/version}' 2>/dev/null | sed -nE 's/^v?([0-9]+\.[0-9]+).*/\1/p'; }
# older VERSION THAN
older() { [ "$(printf '%s\n' "$1" "$2" | sort --version-sort | head -n 1)" != "$2" ]; }

# needs GROUP CRD WHAT HOW: when the overlay has objects of a group, the cluster must know its kind.
needs() {
  uses "^apiVersion: $1/" || return 0
  there crd "$2" || lacks "$3" "$4"
}

[ "$version" -ge 30 ] || lacks "Kubernetes 1.30 or later (this is 1.$version)" "a container that only waits before it stops needs no shell from 1.30 on"
needs dapr.io components.dapr.io "Dapr" "helm upgrade --install dapr dapr/dapr --namespace dapr-system --create-namespace --wait (https://docs.dapr.io)"
for part in deployment/dapr-operator deployment/dapr-sentry deployment/dapr-sidecar-injector statefulset/dapr-placement-server statefulset/dapr-scheduler-server; do
  there "$part" --namespace dapr-system || lacks "$part in the namespace dapr-system" "the policies of k8s/base/network.yaml name that namespace, and the sidecars need this part"
done
if there deployment/dapr-operator --namespace dapr-system; then
  dapr=$(version_of deployment/dapr-operator --namespace dapr-system)
  if [ -z "$dapr" ]; then
    note "which Dapr this is cannot be told" "dapr-operator has no label app.kubernetes.io/version; it must be 1.16 or later"
  elif older "$dapr" 1.16; then
    lacks "Dapr 1.16 or later (this is $dapr)" "helm upgrade dapr dapr/dapr --namespace dapr-system --wait"
  fi
  [ "$(kubectl get configurations.dapr.io/daprsystem --namespace dapr-system --output jsonpath='{.spec.mtls.enabled}' 2>/dev/null)" = true ] ||
    lacks "mutual TLS between sidecars" "access control denies whoever has no certificate, policies too: install Dapr with --set global.mtls.enabled=true, its default"
fi
if uses 'pod-security.kubernetes.io/enforce: restricted'; then
  kubectl get deployment/dapr-sidecar-injector --namespace dapr-system --output yaml 2>/dev/null | grep -A1 SIDECAR_DROP_ALL_CAPABILITIES | grep -qi true ||
    lacks "sidecars without capabilities" "install Dapr with --set dapr_sidecar_injector.sidecarDropALLCapabilities=true, else no pod starts in a namespace that enforces \"restricted\""
fi
if uses '^kind: HorizontalPodAutoscaler' && ! there apiservice v1beta1.metrics.k8s.io; then
  # Without KEDA the overlay is for trying things out, and its two replicas each are enough.
  if uses '^apiVersion: keda.sh/'; then say=lacks; else say=note; fi
  "$say" "metrics-server" "without it nothing is scaled by load (https://github.com/kubernetes-sigs/metrics-server)"
fi
uses '^  volumeClaimTemplates:' && { kubectl get storageclass --output yaml 2>/dev/null | grep -q 'is-default-class: "true"' || lacks "a default StorageClass" "the database in the namespace asks for a volume"; }
needs keda.sh scaledobjects.keda.sh "KEDA" "https://keda.sh: helm upgrade --install keda kedacore/keda --namespace keda --create-namespace"
if uses '^apiVersion: keda.sh/' && there crd scaledobjects.keda.sh; then
  keda=$(version_of deployment --all-namespaces --selector app.kubernetes.io/name=keda-operator)
  if [ -z "$keda" ]; then
    note "which KEDA this is cannot be told" "no Deployment is labelled app.kubernetes.io/name=keda-operator with a version; it must be 2.14 or later"
  elif older "$keda" 2.14; then
    lacks "KEDA 2.14 or later (this is $keda)" "k8s/components/function sets initialCooldownPeriod, which KEDA knows from 2.14 on"
  fi
fi
needs gateway.networking.k8s.io httproutes.gateway.networking.k8s.io "the Gateway API" "https://gateway-api.sigs.k8s.io, with an implementation and a Gateway \"accounts\" in the namespace \"gateway\""
uses '^kind: HTTPRoute' && { there gateway/accounts --namespace gateway || lacks "the Gateway \"accounts\" in the namespace \"gateway\"" "make one, or name yours in k8s/components/gateway"; }
needs external-secrets.io externalsecrets.external-secrets.io "External Secrets" "https://external-secrets.io, or leave k8s/components/external-secrets out and make the Secrets by hand"
uses '^kind: ExternalSecret' && { there clustersecretstore/accounts || lacks "the ClusterSecretStore \"accounts\"" "it says where the secrets accounts/postgres, accounts/rabbitmq, accounts/app-token and accounts/api-token are kept"; }
needs monitoring.coreos.com podmonitors.monitoring.coreos.com "the Prometheus Operator" "https://prometheus-operator.dev, in the namespace \"monitoring\", or leave k8s/components/prometheus out"
uses '^kind: PodMonitor' && { there namespace monitoring || lacks "the namespace \"monitoring\"" "Prometheus is let in from there only"; }
uses 'sha256:0\{64\}' && lacks "published images" "k8s/images.sh FOLDER REGISTRY ${1} makes them, copies them and writes their digests into the overlay"

echo "Not to be seen from here: whether this cluster's network heeds NetworkPolicies. docs/run-on-kubernetes.md says how to try."
[ "$missing" -eq 0 ] && echo "Nothing is missing for $overlay."
exit "$missing"
