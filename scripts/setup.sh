#!/usr/bin/env bash
# Installs the system packages that firmware, video and the browser tests need, and two runtimes for the tests of --device and
# of .tflite, which are too large for everybody's npm install. Debian and Ubuntu; a second run is quick.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ ! -d node_modules/onnxruntime-node ]]; then
  echo "setup: installing onnxruntime-node"
  # Its own script only downloads what CUDA needs.
  npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error onnxruntime-node@1.30.0
fi

if [[ ! -d node_modules/@tensorflow/tfjs-tflite ]]; then
  echo "setup: installing @tensorflow/tfjs-tflite"
  # Unpacked, not installed: the tests need its WebAssembly, and nothing of the 300 MB that it asks for.
  archive=$(npm pack --silent --pack-destination node_modules @tensorflow/tfjs-tflite@0.0.1-alpha.10)
  mkdir -p node_modules/@tensorflow/tfjs-tflite
  tar -xzf "node_modules/$archive" -C node_modules/@tensorflow/tfjs-tflite --strip-components=1
  rm "node_modules/$archive"
fi

# package:program that shows that it is there
wanted=(
  gcc:gcc
  g++:g++
  tcc:tcc
  libc6-dev:/usr/include/stdlib.h
  gcc-arm-none-eabi:arm-none-eabi-gcc
  libnewlib-arm-none-eabi:/usr/share/doc/libnewlib-arm-none-eabi
  qemu-system-arm:qemu-system-arm
  ffmpeg:ffmpeg
  chromium:chromium
  libvulkan1:/usr/share/doc/libvulkan1
  cmake:cmake
  make:make
)

missing=()
for entry in "${wanted[@]}"; do
  package=${entry%%:*} evidence=${entry#*:}
  if [[ $evidence == /* ]]; then
    [[ -e $evidence ]] || missing+=("$package")
  else
    command -v "$evidence" >/dev/null || missing+=("$package")
  fi
done

if [[ ${#missing[@]} -eq 0 ]]; then
  echo "setup: everything is installed"
  exit 0
fi

if ! command -v apt-get >/dev/null; then
  echo "setup: apt-get is not on this system; install these with your package manager: ${missing[*]}" >&2
  exit 1
fi

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: needs root to install ${missing[*]}, and there is no sudo; run it as root" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "setup: installing ${missing[*]}"
"${as_root[@]}" apt-get update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
echo "setup: done"
