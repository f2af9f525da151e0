#!/usr/bin/env python3
"""One step of DiVA's training: a loop under Python that does per step what the reference's loop does, against diva's.

What the loop does: forward of four heads, forward of the key network on second views without a graph, distance-weighted mining by NumPy
anchor by anchor for the discriminative head and for shuffled labels, random triplets inside classes, margin losses with learned
boundaries, DaNCE against a queue, three edges of adversarial decorrelation, backward, every gradient copied to NumPy for its norm and
its maximum, Adam, and the momentum of the key network. Both sides run one thread of the same LibTorch where Python's is the one that
diva was built with, and count the processor's time of the training thread (the minimum over the steps).

  ./dev bench none; python3 benchmarks/peers/training_step.py --peer build/bench/bin/training_peer resnet50:112:224 resnet18:112:64
"""

import argparse
import copy
import json
import subprocess
import time

import numpy as np
import torch
import torch.nn.functional as F
import torchvision

import machine

HEADS = ("discriminative", "selfsimilarity", "shared", "intra")
DIM, QUEUE, TEMPERATURE, RHO, ALPHA = 128, 30, 0.01, 1500, 0.3


class Network(torch.nn.Module):
    def __init__(self, name):
        super().__init__()
        self.trunk = getattr(torchvision.models, name)(weights=None)
        width = self.trunk.fc.in_features
        self.trunk.fc = torch.nn.Identity()
        self.heads = torch.nn.ModuleDict({head: torch.nn.Linear(width, DIM) for head in HEADS})

    def forward(self, images):
        features = self.trunk(images)
        return {name: F.normalize(head(features), dim=1) for name, head in self.heads.items()}

    def train(self, mode=True):
        super().train(mode)
        for module in self.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
        return self


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x.view_as(x)

    @staticmethod
    def backward(context, gradient):
        return -gradient


def distance_weighted(embeddings, labels):
    """For each anchor a positive, and a negative by the inverse density of its distance."""
    x = embeddings.detach()
    labels = labels.numpy()
    distances = torch.cdist(x, x).clamp(min=0.5)
    anchors, positives, negatives = [], [], []
    for i in range(len(labels)):
        row = distances[i]
        log_weight = (2 - DIM) * torch.log(row) - (DIM - 3) / 2 * torch.log(torch.clamp(1 - 0.25 * row * row, min=1e-8))
        weight = torch.exp(log_weight - log_weight[torch.from_numpy(labels != labels[i])].max()).numpy()
        weight[labels == labels[i]] = 0
        weight = weight.astype(np.float64)
        same = np.flatnonzero(labels == labels[i])
        same = same[same != i]
        if len(same) == 0:
            continue
        anchors.append(i)
        positives.append(np.random.choice(same))
        negatives.append(np.random.choice(len(labels), p=weight / weight.sum()))
    return anchors, positives, negatives


def intra(labels):
    labels = labels.numpy()
    triplets = []
    for label in np.unique(labels):
        triplets += [np.random.choice(np.flatnonzero(labels == label), 3, replace=True) for _ in range(2)]
    return tuple(np.array(triplets).T)


def margin(embeddings, triplets, boundary):
    anchors, positives, negatives = triplets
    near = (embeddings[anchors] - embeddings[positives]).pow(2).sum(1).add(1e-8).sqrt()
    far = (embeddings[anchors] - embeddings[negatives]).pow(2).sum(1).add(1e-8).sqrt()
    wide = F.relu(near - boundary + 0.2), F.relu(boundary - far + 0.2)
    count = ((wide[0] > 0) | (wide[1] > 0)).sum()
    return (wide[0] + wide[1]).sum() / count if count > 0 else (wide[0] + wide[1]).sum()


def dance(queries, keys, queue):
    similarity = queries @ queue.t()
    distance = (2 - 2 * similarity.detach()).clamp(min=1e-8).sqrt().clamp(0.5, 1.4)
    log_weight = (2 - DIM) * torch.log(distance) - (DIM - 3) / 2 * torch.log(1 - 0.25 * distance.pow(2))
    weight = torch.exp(log_weight - log_weight.max())
    weight = weight / weight.sum(0)
    logits = torch.cat([(queries * keys).sum(1, keepdim=True), weight * similarity], 1) / TEMPERATURE
    return F.cross_entropy(logits, torch.zeros(len(queries), dtype=torch.long))


def measure(name, batch, side, steps):
    torch.manual_seed(0)
    np.random.seed(0)
    network = Network(name).train()
    keys_from = copy.deepcopy(network).eval()
    boundaries = {head: torch.nn.Parameter(torch.full((1000,), 1.2)) for head in HEADS if head != "selfsimilarity"}
    regressors = torch.nn.ModuleDict(
        {head: torch.nn.Sequential(torch.nn.Linear(DIM, 512), torch.nn.ReLU(), torch.nn.Linear(512, DIM)) for head in HEADS[1:]}
    )
    optimizer = torch.optim.Adam(
        [
            {"params": network.parameters(), "lr": 1e-5, "weight_decay": 4e-4},
            {"params": list(boundaries.values()), "lr": 5e-4},
            {"params": regressors.parameters(), "lr": 1e-5},
        ]
    )
    queue = F.normalize(torch.randn(QUEUE * batch, DIM), dim=1)
    labels = torch.arange(batch) // 2
    best = float("inf")
    for _ in range(steps + 1):
        images, second = torch.randn(batch, 3, side, side), torch.randn(batch, 3, side, side)
        start = time.process_time()
        embeddings = network(images)
        with torch.no_grad():
            keys = keys_from(second)["selfsimilarity"]
        shuffled = labels[torch.randperm(batch)]
        terms = {
            "discriminative": margin(embeddings["discriminative"], (chosen := distance_weighted(embeddings["discriminative"], labels)),
                                     boundaries["discriminative"][labels[chosen[0]]]),
            "shared": margin(embeddings["shared"], (chosen := distance_weighted(embeddings["shared"], shuffled)),
                             boundaries["shared"][labels[chosen[0]]]),
            "intra": margin(embeddings["intra"], (chosen := intra(labels)), boundaries["intra"][labels[torch.as_tensor(chosen[0])]]),
            "selfsimilarity": dance(embeddings["selfsimilarity"], keys, queue),
        }
        loss = terms["discriminative"] + ALPHA * (terms["shared"] + terms["intra"] + terms["selfsimilarity"])
        for head, regressor in regressors.items():
            source = F.normalize(regressor(F.normalize(Reverse.apply(embeddings[head]), dim=1)), dim=1)
            target = F.normalize(Reverse.apply(embeddings["discriminative"]), dim=1)
            loss = loss - RHO * (source * target).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        copied = np.concatenate([p.grad.detach().cpu().numpy().flatten() for p in network.parameters() if p.grad is not None])
        float(np.sqrt(np.mean(np.square(copied)))), float(np.max(np.abs(copied)))
        optimizer.step()
        for key, trained in zip(keys_from.parameters(), network.parameters()):
            key.data = 0.9 * key.data + 0.1 * trained.data
        queue = torch.cat([queue[batch:], keys])
        loss.item()
        best = min(best, time.process_time() - start)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", help="BACKBONE:BATCH:SIDE")
    parser.add_argument("--peer", required=True, help="diva's side, training_peer")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1, help="how often both sides are measured, in turn")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{machine.cpu()}, one thread, seconds of processor a step; torch {torch.__version__}\n")
    print("| backbone, batch, side | Python | diva | ratio | diva's backbone, key network, losses | whole / parts | Python less backbone | diva less backbone | loader |")
    print("|---|---|---|---|---|---|---|---|---|")
    for case in options.cases:
        name, batch, side = case.split(":")
        python, ours = float("inf"), None
        for _ in range(options.rounds):
            python = min(python, measure(name, int(batch), int(side), options.steps))
            command = [options.peer, name, batch, side, str(options.steps)]
            result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            ours = {key: min((ours or result)[key], result[key]) for key in result}
        trunk = ours["backbone"] + ours["key"]
        parts = trunk + ours["loss"]
        print(
            f"| {name}, {batch}, {side} | {python:.3f} | {ours['step']:.3f} | {python / ours['step']:.2f} "
            f"| {ours['backbone']:.3f} + {ours['key']:.3f} + {ours['loss']:.3f} | {ours['step'] / parts:.3f} "
            f"| {python - trunk:.3f} | {ours['step'] - trunk:.3f} | {ours['loader']:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
