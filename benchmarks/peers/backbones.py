#!/usr/bin/env python3
"""Inference and one training step of each backbone: torchvision, timm and pretrainedmodels under Python against diva.

Both sides use the same LibTorch where Python's is the one that diva was built with, the same weights and images, one thread, and count
the processor's time (the minimum of the repetitions). Python's side is measured with contiguous and with channels-last memory; diva
chooses by itself. Features are compared.

  ./dev bench none; python3 benchmarks/peers/backbones.py --peer build/bench/bin/backbone_peer resnet50 vits16
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tests/backbones"))
import reference_backbones


def seconds(repetitions, work):
    work()
    best = float("inf")
    for _ in range(repetitions):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def measure(model, images, repetitions):
    def inference():
        with torch.no_grad():
            model(images)

    def step():
        for parameter in model.parameters():
            parameter.grad = None
        model(images).sum().backward()

    model.eval()
    result = {"inference": seconds(repetitions, inference)}
    model.train()
    return result | {"step": seconds(repetitions, step)}


def run(name, options, folder):
    torch.manual_seed(0)
    size = 224 if "vit" in name or name == "bninception" else options.size  # 14 and 16 both divide it
    images = torch.randn(options.batch, 3, size, size)
    model = reference_backbones.make(name)
    reference_backbones.randomise(model, torch.Generator().manual_seed(1))
    model.eval()
    with torch.no_grad():
        torch.save({"state_dict": model.state_dict(), "images": images, "features": model(images)}, folder / "case.pth")
    rows = []
    for kind in options.types:
        dtype = getattr(torch, kind)
        python = {}
        # Both layouts, then diva, as often as asked: what else runs on the machine meets all alike.
        ours = None
        for _ in range(options.rounds):
            for layout, memory in (("contiguous", torch.contiguous_format), ("channels-last", torch.channels_last)):
                copy = reference_backbones.make(name)
                copy.load_state_dict(model.state_dict())
                prepared = copy.to(dtype).to(memory_format=memory)
                result = measure(prepared, images.to(dtype).contiguous(memory_format=memory), options.repetitions)
                old = python.get(layout, result)
                python[layout] = {key: min(old[key], result[key]) for key in result}
            command = [options.peer, name, str(folder / "case.pth"), kind, str(options.repetitions)]
            result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            ours = {key: min((ours or result)[key], result[key]) for key in result}
        cells = [name, f"{options.batch} × {size}²", kind]
        for work in ("inference", "step"):
            best = min(python[layout][work] for layout in python)
            cells += [f"{1e3 * python[layout][work]:.0f}" for layout in python] + [f"{1e3 * ours[work]:.0f}", f"{best / ours[work]:.2f}"]
        rows.append(cells + [f"{ours['difference']:.0e}"])
        print("| " + " | ".join(rows[-1]) + " |", flush=True)
    (folder / "case.pth").unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["resnet18", "resnet50", "bninception", "googlenet", "vits16"])
    parser.add_argument("--peer", default="build/bench/bin/backbone_peer")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=224, help="side of the images; that of transformers and bninception is 224")
    parser.add_argument("--types", nargs="+", default=["float32"])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| backbone | images | type | inference: Python contiguous, ms | channels-last | diva | ratio "
          "| step: Python contiguous, ms | channels-last | diva | ratio | difference |")
    print("|" + "---|" * 12)
    with tempfile.TemporaryDirectory() as folder:
        for name in options.names:
            run(name, options, pathlib.Path(folder))


if __name__ == "__main__":
    main()
