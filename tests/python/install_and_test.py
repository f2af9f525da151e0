"""Installs the Python package into a fresh environment, as `pip install` from the tree does, and runs its tests there.

install_and_test.py SOURCE FOLDER SETTING...; settings are for scikit-build-core, as pip's -C has them. Status 77 (skipped) where there is
no venv or pip reaches no index.
"""

import pathlib
import shutil
import subprocess
import sys

source, folder = map(pathlib.Path, sys.argv[1:3])
settings = [f"-C{setting}" for setting in sys.argv[3:]]
shutil.rmtree(folder, ignore_errors=True)


def attempt(why, *command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        print(done.stdout[-2000:])
        print(f"skipped: {why}")
        sys.exit(77)


attempt("Python has no venv", sys.executable, "-m", "venv", str(folder))
python = str(folder / "bin" / "python")
pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
attempt("pip reaches no index for numpy and scikit-build-core", *pip, "--retries", "1", "numpy", "scikit-build-core>=0.10", "ninja")
subprocess.run([*pip, "--no-build-isolation", "--no-deps", *settings, str(source / "python")], check=True)
# From another folder, so that the package is the installed one.
subprocess.run([python, "-m", "unittest", "discover", "-v", "-s", str(source / "python" / "tests")], check=True, cwd=folder)
