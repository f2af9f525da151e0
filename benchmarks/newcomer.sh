#!/usr/bin/env bash
# newcomer.sh FOLDER: times what docs/getting_started.md has a newcomer do, in a bare Debian 12 that is made in FOLDER (debootstrap, as root):
# this checkout's last commit is cloned, ./dev demo, ./dev install, then the page's own project is built and run. Packages come from where
# this machine's apt gets them. Prints the seconds since the start after each step.
set -euo pipefail
[[ $# == 1 && $EUID == 0 ]] || { echo "usage, as root: benchmarks/newcomer.sh FOLDER" >&2 && exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
bare=$1
[[ -e $bare/etc/debian_version ]] || debootstrap --variant=minbase bookworm "$bare"
cp -r /etc/resolv.conf /etc/ssl "$bare/etc/"
cp -r /etc/apt/apt.conf.d /etc/apt/sources.list.d "$bare/etc/apt/"
trap 'umount "$bare/proc" "$bare/dev"' EXIT
mount --bind /proc "$bare/proc"
mount --bind /dev "$bare/dev"
rm -rf "$bare/root"
mkdir "$bare/root"
git clone -q --bare "$root" "$bare/root/diva.git"
cat >"$bare/root/path.sh" <<'NEWCOMER'
set -euo pipefail
since() { echo "== $1 after $SECONDS s"; }
cd
apt-get -q update >apt.log && apt-get -q -y --no-install-recommends install git >>apt.log 2>&1
git clone -q diva.git && cd diva
since "cloned"
./dev demo
since "demo"
./dev install "$HOME/installed"
since "installed"
mkdir ~/app && cd ~/app
# The first blocks of CMake and C++ of the page are the project.
awk '/^```cmake/ {file = "CMakeLists.txt"; next} /^```cpp/ {file = n++ ? "" : "app.cpp"; next} /^```/ {file = ""; next} file {print > file}' \
  ~/diva/docs/getting_started.md
cmake -G Ninja -B build -DCMAKE_BUILD_TYPE=Release "-DCMAKE_PREFIX_PATH=$HOME/installed"
cmake --build build
build/app                         # makes the files
build/app features.npy labels.npy # evaluates them
since "project"
NEWCOMER
env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=xterm chroot "$bare" bash /root/path.sh
