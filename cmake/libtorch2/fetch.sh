#!/usr/bin/env bash
# fetch.sh FOLDER [VERSION]: PyPI's wheel of torch, the newest or this one, as FOLDER/torch; the files beside this script, in FOLDER/cmake,
# link it without a CUDA toolkit. Python is needed to fetch it, not to use it.
set -euo pipefail
folder=$1 version=${2:-}
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
python3 -m venv "$wheels/venv"
"$wheels/venv/bin/pip" -q download --no-deps -d "$wheels" "torch${version:+==$version}"
# The names of the CUDA libraries that libtorch_cpu.so wants, such as libcudart.so.13, tell the release of their wheels.
python3 - "$wheels" "$folder" <<'PYTHON'
import glob, os, re, subprocess, sys, zipfile

wheels, folder = sys.argv[1:]


def extract(wheel, wanted, place):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            target = wanted(name)
            if target:
                path = os.path.join(place, target)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with archive.open(name) as source, open(path, "wb") as out:
                    while block := source.read(1 << 24):
                        out.write(block)


# Without a libgomp that the compiler's can replace, as it serves FAISS and diva too.
def of_torch(name):
    if name.endswith("/") or re.search(r"lib(torch_cuda|torch_python|torch_nvshmem|c10_cuda|caffe2_nvrtc)[^/]*$|libgomp\.so\.1$", name):
        return None
    return name if name.startswith(("torch/lib/lib", "torch/include/", "torch/version.py")) else None


[wheel] = glob.glob(os.path.join(wheels, "torch-*.whl"))
extract(wheel, of_torch, folder)
library = os.path.join(folder, "torch", "lib", "libtorch_cpu.so")
needed = subprocess.run(["readelf", "-d", library], check=True, capture_output=True, text=True).stdout
for package, stem in (("nvidia-cuda-runtime", "libcudart"), ("nvidia-cuda-cupti", "libcupti")):
    found = re.search(rf"\[({stem}\.so\.(\d+))\]", needed)
    if not found:
        continue
    name, release = found.groups()
    old = int(release) <= 12  # whose wheels carry the release in their names
    pip = [os.path.join(wheels, "venv", "bin", "pip"), "-q", "download", "--no-deps", "-d", wheels]
    subprocess.run(pip + [f"{package}-cu{release}" if old else f"{package}=={release}.*"], check=True)
    [wheel] = glob.glob(os.path.join(wheels, f"{package.replace('-', '_')}*.whl"))
    extract(wheel, lambda entry: f"torch/lib/{name}" if entry.endswith(f"/{name}") else None, folder)
PYTHON
