#!/usr/bin/env python3
"""Training views of photographs: reading, decoding, RandomResizedCrop(224), mirror, tensor, normalisation, on one thread.

Each contender runs in a process of its own on the same files, in turn for as many rounds as asked, so that what else runs on the
machine meets all alike; milliseconds of processor an image are printed as a Markdown table, the minimum of all repetitions, and the test views' mean is compared, so that all show the same pictures.

  diva          image_peer: ImageSource and augment, which decode the part that the crop needs
  torchvision   transforms on PIL images, as users of PyTorch have it
  pillow-simd   the same with Pillow-SIMD: give the Python that has it by --simd_python
  opencv        imread and resize by area averaging (its linear resize does not filter, so it shows something else)

Needs: torchvision with Pillow, opencv-python-headless, numpy.
  python3 images.py --peer build/bench/bin/image_peer --images CUB_200_2011/images --count 1000
"""

import argparse
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

from machine import cpu

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def measured(task, paths, work, repetitions):
    """Prints a line of JSON: the least seconds of processor, and the mean of what `work` returned."""
    best = math.inf
    for _ in range(repetitions):
        total, start = 0.0, time.process_time()
        for path in paths:
            total += work(path) or 0.0
        best = min(best, time.process_time() - start)
    print(json.dumps({"task": task, "seconds": best, "mean": total / len(paths)}), flush=True)


def run_torchvision(paths, repetitions):
    import PIL
    import torch
    import torchvision
    from PIL import Image
    from torchvision import transforms

    torch.set_num_threads(1)
    torch.manual_seed(1)
    tail = [transforms.ToTensor(), transforms.Normalize(MEAN, DEVIATION)]
    train = transforms.Compose([transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip(), *tail])
    test = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), *tail])

    def load(path):
        with Image.open(path) as image:
            return image.convert("RGB")

    print(json.dumps({"versions": f"torchvision {torchvision.__version__}, Pillow {PIL.__version__}"}))
    measured("training", paths, lambda path: train(load(path)) is None, repetitions)
    measured("evaluation", paths, lambda path: test(load(path)).mean().item(), repetitions)
    measured("decoding", paths, lambda path: load(path) is None, repetitions)


def run_opencv(paths, repetitions):
    import cv2
    import numpy as np

    cv2.setNumThreads(1)
    generator = random.Random(1)
    mean, deviation = (np.array(values, np.float32) * 255 for values in (MEAN, DEVIATION))

    def load(path):
        return cv2.cvtColor(cv2.imread(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)

    def box(height, width):
        for _ in range(10):
            area = height * width * generator.uniform(0.08, 1)
            ratio = math.exp(generator.uniform(math.log(3 / 4), math.log(4 / 3)))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                return generator.randint(0, height - h), generator.randint(0, width - w), h, w
        return 0, 0, height, width

    def tensor(view):
        return np.ascontiguousarray(((view - mean) / deviation).transpose(2, 0, 1))

    def resized(image, height, width):
        shrinks = height < image.shape[0]
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)

    def train(path):
        image = load(path)
        top, left, height, width = box(*image.shape[:2])
        view = resized(image[top : top + height, left : left + width], 224, 224)
        tensor(cv2.flip(view, 1) if generator.random() < 0.5 else view)

    def test(path):
        image = load(path)
        height, width = image.shape[:2]
        size = (256, 256 * width // height) if height <= width else (256 * height // width, 256)
        view = resized(image, *size)
        top, left = round((size[0] - 224) / 2), round((size[1] - 224) / 2)
        return float(tensor(view[top : top + 224, left : left + 224]).mean())

    print(json.dumps({"versions": f"OpenCV {cv2.__version__}"}))
    measured("training", paths, train, repetitions)
    measured("evaluation", paths, test, repetitions)
    measured("decoding", paths, lambda path: load(path) is None, repetitions)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default="build/bench/bin/image_peer")
    parser.add_argument("--images", help="folder of photographs, with folders in it or not")
    parser.add_argument("--count", type=int, default=1000, help="so many of them, evenly spread")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--simd_python", help="a Python whose Pillow is Pillow-SIMD")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--list", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender:
        paths = open(arguments.list).read().split("\n")
        return {"torchvision": run_torchvision, "opencv": run_opencv}[arguments.contender](paths, arguments.repetitions)

    files = sorted(str(path) for path in pathlib.Path(arguments.images).rglob("*.jp*g"))
    if not files:
        sys.exit(f"images.py: --images {arguments.images}: no JPEGs there")
    files = files[:: max(1, len(files) // arguments.count)][: arguments.count]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as names:
        names.write("\n".join(files))
        names.flush()
        own = [__file__, "--list", names.name, "--repetitions", str(arguments.repetitions), "--contender"]
        commands = {
            "torchvision": [sys.executable, *own, "torchvision"],
            "pillow-simd": [arguments.simd_python, *own, "torchvision"] if arguments.simd_python else None,
            "opencv": [sys.executable, *own, "opencv"],
            "diva": [arguments.peer, names.name, str(arguments.repetitions)],
        }
        results, versions = {}, {}
        for name, command in list(commands.items()) * arguments.rounds:
            if command is None:
                continue
            run = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment)
            if run.returncode:
                print(f"{name}: not run", file=sys.stderr)
                commands[name] = None
                continue
            for line in map(json.loads, run.stdout.splitlines()):
                if "versions" in line:
                    versions[name] = line["versions"]
                    continue
                best = results.setdefault(name, {}).setdefault(line["task"], line)
                best["seconds"] = min(best["seconds"], line["seconds"])

    print(f"{len(files)} photographs, {cpu()}, one thread, minimum of {arguments.rounds} times {arguments.repetitions}; {'; '.join(versions.values())}\n")
    print("| ms of processor an image | training view | ratio | test view | decoding alone | mean of the test views |")
    print("|---" * 6 + "|")
    base = results.get("torchvision", {}).get("training", {}).get("seconds")
    for name, tasks in results.items():
        rows = [task for task in tasks if task.startswith("training")]
        for task in rows:
            first = task == "training"
            seconds = tasks[task]["seconds"]
            cells = [name + task.removeprefix("training"), f"{1000 * seconds / len(files):.3f}", f"{base / seconds:.2f}" if base else ""]
            for other in ("evaluation", "decoding"):
                cells.append(f"{1000 * tasks[other]['seconds'] / len(files):.3f}" if first else "")
            cells.append(f"{tasks['evaluation']['mean']:.5f}" if first else "")
            print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
