#!/usr/bin/env python3
"""Each criterion of pytorch-metric-learning against diva's, forward and backward, on the same inputs in one run.

Values and gradients are compared; the time is the minimum of the repetitions. Needs torch, numpy and pytorch-metric-learning;
`./dev bench` builds the other side.

  python3 losses.py --peer build/bench/bin/loss_peer --batch 112 --dim 128
"""

import argparse
import json
import os
import struct
import subprocess
import tempfile
import time

import numpy as np
import torch
from pytorch_metric_learning import losses, miners

# PML's criterion, its arguments beyond the defaults, PML's miner; ours is registered under the same names.
CASES = [
    ("AngularLoss", {}, None),
    ("ArcFaceLoss", {"classes": True}, None),
    ("CircleLoss", {}, None),
    ("ContrastiveLoss", {}, None),
    ("ContrastiveLoss", {}, "PairMarginMiner"),
    ("CosFaceLoss", {"classes": True}, None),
    ("FastAPLoss", {}, None),
    ("GeneralizedLiftedStructureLoss", {}, None),
    ("HistogramLoss", {}, None),
    ("InstanceLoss", {}, None),
    ("IntraPairVarianceLoss", {}, None),
    ("LargeMarginSoftmaxLoss", {"classes": True}, None),
    ("LiftedStructureLoss", {}, None),
    ("MarginLoss", {}, None),
    ("MultiSimilarityLoss", {}, None),
    ("MultiSimilarityLoss", {}, "MultiSimilarityMiner"),
    ("NCALoss", {}, None),
    ("NormalizedSoftmaxLoss", {"classes": True}, None),
    ("NPairsLoss", {}, None),
    ("NTXentLoss", {}, None),
    ("PNPLoss", {}, None),
    ("ProxyAnchorLoss", {"classes": True}, None),
    ("ProxyNCALoss", {"classes": True}, None),
    ("RankedListLoss", {"margin": 0.4, "Tn": 10}, None),
    ("SignalToNoiseRatioContrastiveLoss", {}, None),
    ("SoftTripleLoss", {"classes": True, "centers_per_class": 3}, None),
    ("SphereFaceLoss", {"classes": True}, None),
    ("SubCenterArcFaceLoss", {"classes": True}, None),
    ("SupConLoss", {}, None),
    ("ThresholdConsistentMarginLoss", {}, None),
    ("TripletMarginLoss", {}, None),
    ("TripletMarginLoss", {}, "BatchHardMiner"),
    ("TripletMarginLoss", {}, "TripletMarginMiner"),
    ("TupletMarginLoss", {}, None),
]


# What PML's arguments are called in our options.
OPTIONS = {"Tn": "negative_temperature", "Tp": "positive_temperature", "centers_per_class": "centers"}


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, array in tensors.items():
        kind = {"float32": "F32", "int64": "I64"}[str(array.dtype)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default="build/bench/bin/loss_peer")
    parser.add_argument("--batch", type=int, default=112)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--per_class", type=int, default=4)
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    classes = arguments.batch // arguments.per_class
    labels = torch.arange(classes).repeat_interleave(arguments.per_class)
    torch.manual_seed(0)
    centres = torch.randn(classes, arguments.dim)
    x = torch.nn.functional.normalize(centres[labels] + torch.randn(len(labels), arguments.dim))

    inputs = {"embeddings": x.numpy(), "labels": labels.numpy()}
    tasks, criteria = [], []
    for name, options, miner in CASES:
        if arguments.only and arguments.only not in name:
            continue
        options = dict(options)
        with_classes = options.pop("classes", False)
        given = {"num_classes": classes, "embedding_size": arguments.dim, **options} if with_classes else options
        criterion = getattr(losses, name)(**given)
        label = name + (" + " + miner if miner else "")
        parameters = list(criterion.parameters())
        if with_classes:
            inputs["param." + label] = parameters[0].detach().numpy()
        criteria.append((label, criterion, getattr(miners, miner)() if miner else None))
        tasks.append({"label": label, "loss": name, "options": {OPTIONS.get(key, key): value for key, value in options.items()}, "miner": miner or ""})

    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "inputs.safetensors")
    write_safetensors(path, inputs)
    lines = "\n".join(json.dumps(task) for task in tasks) + "\n"
    run = subprocess.run([arguments.peer, path, str(arguments.repetitions), str(arguments.threads)], input=lines, text=True, stdout=subprocess.PIPE)
    ours = {found["label"]: found for found in map(json.loads, run.stdout.splitlines())}

    print(f"B = {len(labels)}, D = {arguments.dim}, {classes} classes, {arguments.threads} threads, minimum of {arguments.repetitions}\n")
    print("| criterion | PML, ms | diva, ms | ratio | value | difference of value, of gradient |\n|---|---|---|---|---|---|")
    for label, criterion, miner in criteria:
        leaf = x.clone().requires_grad_()
        best = float("inf")
        try:
            for _ in range(arguments.repetitions):
                leaf.grad = None
                start = time.perf_counter()
                tuples = miner(leaf, labels) if miner else None
                value = criterion(leaf, labels, tuples)
                value.backward()
                best = min(best, time.perf_counter() - start)
        except RuntimeError as error:
            print(f"| {label} | fails: {str(error).splitlines()[0][:60]} | {ours[label].get('seconds', 0) * 1e3:.3f} | | | |")
            continue
        found = ours.get(label, {"error": "no answer"})
        if "error" in found:
            print(f"| {label} | {best * 1e3:.3f} | {found['error'][:80]} | | {value.item():.5f} | |")
            continue
        length = leaf.grad.norm().item()
        apart = abs(found["value"] - value.item()) / max(abs(value.item()), 1e-6), abs(found["gradient"] - length) / max(length, 1e-6)
        print(f"| {label} | {best * 1e3:.3f} | {found['seconds'] * 1e3:.3f} | {best / found['seconds']:.1f} | {value.item():.5f} | {apart[0]:.1e}, {apart[1]:.1e} |")


if __name__ == "__main__":
    main()
