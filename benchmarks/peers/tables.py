#!/usr/bin/env python3
"""Runs the scripts of this folder one after the other and puts what they print into docs/performance.md.

Each table stands there between <!-- table: NAME --> and <!-- end -->, with the command, the machine and the versions of both sides; the
text around it is written by hand. All run on one thread. `./dev bench peers` calls this with a Python that has the peers; about ten minutes
on a free machine.

  tables.py                       all tables
  tables.py losses evaluation     these
  tables.py --quick               small sizes, in minutes, into build/peers/performance.md, to see that all run
  tables.py --images DIR images   photographs to decode, JPEGs in folders or not; without it there is no table of images
"""

import argparse
import datetime
import importlib.metadata
import os
import pathlib
import platform
import re
import subprocess
import sys

import machine

root = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ("torch", "torchvision", "numpy", "pytorch-metric-learning", "faiss-cpu", "scikit-learn", "timm", "pretrainedmodels",
            "opencv-python-headless")

# name -> arguments of the script of that name, for the page and to try it.
ARGUMENTS = {
    "losses": ("--threads 1 --repetitions 60", "--threads 1 --repetitions 2"),
    "evaluation": ("--contenders diva,faiss,pml --diva build/bench/bin/diva_evaluate",
                   "--contenders diva,faiss,pml --diva build/bench/bin/diva_evaluate --rows 3000 --no_clustering"),
    "images": ("--count 100 --repetitions 6 --rounds 5", "--count 5 --repetitions 1 --rounds 1"),
    "backbones": ("--batch 2 resnet18 resnet34 resnet50 resnet101 googlenet bninception vits16 vitb32 dinov2_vits14_reg4",
                  "--batch 1 --size 64 --repetitions 1 --rounds 1 resnet18"),
    "training_step": ("--peer build/bench/bin/training_peer --steps 3 resnet18:112:64",
                      "--peer build/bench/bin/training_peer --steps 1 resnet18:16:64"),
}


def versions():
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            pass
    return ", ".join(found)


def run(name, arguments, images):
    """What stands between the markers, or None where the script failed."""
    words = arguments.split() + (["--images", str(images)] if name == "images" else [])
    shown = " ".join(word.replace(str(root.parent), "..") for word in words)
    print(f"{name}.py {shown}", file=sys.stderr, flush=True)
    done = subprocess.run([sys.executable, str(root / f"benchmarks/peers/{name}.py"), *words], cwd=root, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return None
    lines = [f"`OMP_NUM_THREADS=1 benchmarks/peers/{name}.py {shown}`, {datetime.date.today()}, {machine.cpu()}, {os.cpu_count()} cores,",
             f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Python {platform.python_version()}, {versions()}."]
    return "\n".join([*lines, "", done.stdout.strip()])


def put(page, name, text):
    """The page with the text between the markers of that name."""
    return re.sub(rf"(<!-- table: {name} -->\n\n).*?(\n\n<!-- end -->)", lambda found: found[1] + text + found[2], page, flags=re.DOTALL)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(ARGUMENTS)}; all when none is given")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--images", type=pathlib.Path)
    options = parser.parse_args()
    unknown = set(options.names) - set(ARGUMENTS)
    if unknown:
        parser.error(f"no table '{unknown.pop()}'; there are {', '.join(ARGUMENTS)}")
    source, failed = root / "docs/performance.md", []
    target = root / "build/peers/performance.md" if options.quick else source
    if options.quick:
        target.write_text(source.read_text())
    for name in options.names or ARGUMENTS:
        if name == "images" and not options.images:
            print("images: not run, --images names no folder of photographs", file=sys.stderr)
            continue
        if f"<!-- table: {name} -->" not in source.read_text():
            sys.exit(f"{source}: no marker of the table {name}")
        text = run(name, ARGUMENTS[name][options.quick], options.images)
        if text is None:
            failed.append(name)
        else:
            target.write_text(put(target.read_text(), name, text))  # at once, so that what is done is kept
    print(f"{target.relative_to(root)} is written", file=sys.stderr)
    if failed:
        sys.exit(f"not run: {', '.join(failed)}")


if __name__ == "__main__":
    main()
