#!/usr/bin/env bash
# The images of all services, made without an engine: an OCI archive for both architectures and a bill of materials (CycloneDX) for each.
#   k8s/images.sh FOLDER                        makes them
#   k8s/images.sh FOLDER REGISTRY OVERLAY...    also copies them to a registry (by skopeo) and writes their digests into overlays
#   k8s/images.sh --made FOLDER REGISTRY OVERLAY...    copies those that are in FOLDER already
# REGISTRY is host and path, as in registry.example.com/accounts. BASE_IMAGE stands for Microsoft's ASP.NET image if it is set.
set -euo pipefail
made=
if [ "${1:-}" = --made ]; then made=yes; shift; fi
folder=$(mkdir -p "${1:?Name a folder for the archives}" && cd "$1" && pwd)
shift
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ -z "$made" ]; then
  dotnet build k8s/images.proj -nologo -v quiet -p:Archives="$folder" ${BASE_IMAGE:+-p:ContainerBaseImage="$BASE_IMAGE"}
  for project in services/*/*.csproj; do
    name=$(basename "$project" .csproj)
    image=$(tr '[:upper:].' '[:lower:]-' <<<"$name")
    dotnet artifacts/bin/Accounts.Materials/debug/Accounts.Materials.dll "artifacts/publish/$name/debug_linux-x64" "artifacts/obj/$name/project.assets.json" >"$folder/$image.cdx.json"
    echo "$folder/$image.tar.gz"
  done
fi
[ $# -gt 0 ] || exit 0

registry=${1%/}
shift
command -v skopeo >/dev/null || { echo "skopeo is not on the PATH; it copies the archives to the registry." >&2; exit 1; }
version=$(dotnet msbuild services/Accounts.Command -getProperty:Version)
lines=()
for archive in "$folder"/*.tar.gz; do
  image=$(basename "$archive" .tar.gz)
  # The archive's own index names the image, which keeps its digest when it is copied.
  digest=$(tar --extract --to-stdout --file "$archive" index.json | sed -nE 's/.*"digest": *"(sha256:[0-9a-f]{64})".*/\1/p')
  skopeo copy --all --preserve-digests "oci-archive:$archive" "docker://$registry/$image:$version"
  lines+=("  - name: $image" "    newName: $registry/$image" "    digest: $digest")
done
for overlay in "$@"; do
  {
    echo "# Written by k8s/images.sh: version $version."
    echo "apiVersion: kustomize.config.k8s.io/v1alpha1"
    echo "kind: Component"
    echo "images:"
    printf '%s\n' "${lines[@]}"
  } >"k8s/overlays/$overlay/images/kustomization.yaml"
done
