#!/usr/bin/env python3
"""Evaluation at the size of Stanford Online Products: diva_evaluate against what a user would pick instead, in one run.

Every contender computes recall@{1,10,100,1000}, MAP@R and NMI (k-means, 20 iterations, as many clusters as classes) of the same features
in a process of its own; values are compared, seconds of wall clock and of processor and peak memory beyond the features are printed as a
Markdown table. On a machine that others use too, OMP_NUM_THREADS=1 and the processor's seconds are what can be compared.

  faiss   the reference code's way: IndexFlatL2 for 1,001 neighbours, the first dropped where it is the query, and Kmeans of faiss-cpu
  pml     pytorch-metric-learning's AccuracyCalculator (precision_at_1, mean_average_precision_at_r, NMI; it has no recall@k beyond 1)
  oml     open-metric-learning's neighbours and CMC, as its RetrievalResults calls them; it has no MAP@R and no clustering
  diva    diva_evaluate, reading the features from a .npy file: its time includes starting and reading

Needs: numpy, faiss-cpu, pytorch-metric-learning with torch; open-metric-learning if it is to be compared. Version 4.0.0 of the latter
asks for torch 2, but what is called here runs with 1.13 too: pip install --no-deps open-metric-learning omegaconf gdown filelock
'pandas<3' pytz validators matplotlib cycler kiwisolver contourpy opencv-python-headless.
  python3 evaluation.py --diva build/release/bin/diva_evaluate --labels Ebay_test.txt
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time

from machine import cpu

RANKS = (1, 10, 100, 1000)


def labels_of(path, rows):
    import numpy as np

    if path:
        with open(path) as lines:
            next(lines)
            labels = np.array([int(line.split()[1]) for line in lines], dtype=np.int64)
        return labels[:rows] if rows else labels
    rows = rows or 60502  # classes of 2 to 12, as in SOP, whose mean is 5.3
    sizes = np.random.default_rng(1).integers(2, 10, rows)
    return np.repeat(np.arange(rows), sizes)[:rows]


def features_of(labels, dim):
    """A point a class and noise about it: recall@1 comes out near what a trained network reaches."""
    import numpy as np

    generator = np.random.default_rng(0)
    classes, compact = np.unique(labels, return_inverse=True)
    rank = 32  # trained embeddings fill few of their dimensions
    basis = generator.standard_normal((rank, dim), dtype=np.float32)
    x = generator.standard_normal((len(classes), rank), dtype=np.float32)[compact]
    x = x + 0.8 * generator.standard_normal(x.shape, dtype=np.float32)
    x = x @ basis + 0.5 * generator.standard_normal((len(labels), dim), dtype=np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


class Seconds:
    """Of wall clock and of processor since it was made: [wall, processor]."""

    def __init__(self):
        self.start = time.perf_counter(), time.process_time()

    def __call__(self):
        return [time.perf_counter() - self.start[0], time.process_time() - self.start[1]]


class PeakMemory:
    """Largest resident size while the body runs, in bytes beyond what was there before."""

    def __enter__(self):
        self.page = resource.getpagesize()
        self.before = self.peak = self.now()
        self.running = True
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()
        return self

    def now(self):
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * self.page

    def watch(self):
        while self.running:
            self.peak = max(self.peak, self.now())
            time.sleep(0.05)

    def __exit__(self, *_):
        self.running = False
        self.thread.join()

    @property
    def extra(self):
        return max(self.peak, self.now()) - self.before


def from_neighbours(indices, labels):
    """recall@k and MAP@R from lists without the query, by the definitions that all contenders share."""
    import numpy as np

    hits = labels[indices] == labels[:, None]
    result = {f"recall@{k}": float(hits[:, :k].any(1).mean()) for k in RANKS if k <= hits.shape[1]}
    counts = np.bincount(np.unique(labels, return_inverse=True)[1])
    relevant = counts[np.unique(labels, return_inverse=True)[1]] - 1
    longest = int(relevant.max())
    hits = hits[:, :longest]
    precision = np.cumsum(hits, 1) / np.arange(1, longest + 1)
    inside = np.arange(longest)[None, :] < relevant[:, None]
    kept = relevant > 0
    result["map@r"] = float(((precision * hits * inside).sum(1)[kept] / relevant[kept]).mean())
    return result


def nmi_of(labels, clusters):
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(labels, clusters))


def run_faiss(x, labels):
    import faiss
    import numpy as np

    seconds, start = {}, Seconds()
    index = faiss.IndexFlatL2(x.shape[1])
    index.add(x)
    found = index.search(x, max(RANKS) + 1)[1]
    own = found == np.arange(len(x))[:, None]
    own[~own.any(1), -1] = True  # the query fell off the end of a list of duplicates
    indices = found[~own].reshape(len(x), -1)
    result = from_neighbours(indices, labels)
    seconds["neighbours"] = start()
    start = Seconds()
    kmeans = faiss.Kmeans(x.shape[1], len(np.unique(labels)), niter=20, seed=1, min_points_per_centroid=1, max_points_per_centroid=len(x))
    kmeans.train(x)
    squares, clusters = kmeans.index.search(x, 1)
    result["objective"] = float(squares.sum())
    result["nmi"] = nmi_of(labels, clusters[:, 0])
    seconds["clustering"] = start()
    return result, seconds


def run_pml(x, labels):
    import torch
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

    if not hasattr(torch.Tensor, "untyped_storage"):  # the name by which current faiss-cpu reads tensors; torch 1.13 has the older one
        torch.Tensor.untyped_storage = torch.Tensor.storage
    wanted = {"precision_at_1": "recall@1", "mean_average_precision_at_r": "map@r", "NMI": "nmi"}
    features, targets = torch.from_numpy(x), torch.from_numpy(labels)
    seconds, result = {}, {}
    for part, names in (("neighbours", ("precision_at_1", "mean_average_precision_at_r")), ("clustering", ("NMI",))):
        start = Seconds()
        calculator = AccuracyCalculator(include=names, k="max_bin_count", device=torch.device("cpu"))
        for name, value in calculator.get_accuracy(features, targets).items():
            result[wanted[name]] = float(value)
        seconds[part] = start()
    return result, seconds


def run_oml(x, labels):
    import torch
    from oml.functional.knn import batched_knn
    from oml.functional.metrics import calc_retrieval_metrics

    start = Seconds()
    every = torch.arange(len(x))
    _, found, relevant = batched_knn(torch.from_numpy(x), every, every, max(RANKS), labels_gt=torch.from_numpy(labels))
    values = calc_retrieval_metrics(found, relevant, cmc_top_k=RANKS, precision_top_k=(), map_top_k=(), verbose=False)
    result = {f"recall@{k}": float(value) for k, value in values["cmc"].items()}
    return result, {"neighbours": start()}


def run_diva(program, features, labels, clustering):
    metrics = ",".join([f"recall@{k}" for k in RANKS] + ["map@r"]) if not clustering else "nmi"
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [program, "--features", features, "--labels", labels, "--metrics", metrics, "--json", out.name]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found = json.load(open(out.name))
    return found["rows"][0]["metrics"], [wall, processor], after.ru_maxrss * 1024


def contender(name, arguments):
    """Runs in a process of its own: prints one line of JSON."""
    import numpy as np

    x, labels = np.load(arguments.features), np.load(arguments.targets)
    if name == "diva":
        result, first, peak = run_diva(arguments.diva, arguments.features, arguments.targets, False)
        seconds = {"neighbours": first}
        if not arguments.no_clustering:
            more, seconds["clustering"], peak = run_diva(arguments.diva, arguments.features, arguments.targets, True)
            result = {**result, **more}
        extra = peak - x.nbytes
    else:
        with PeakMemory() as memory:
            result, seconds = {"faiss": run_faiss, "pml": run_pml, "oml": run_oml}[name](x, labels)
        extra = memory.extra
    print(json.dumps({"values": result, "seconds": seconds, "extra_bytes": extra}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--diva", default="build/release/bin/diva_evaluate")
    parser.add_argument("--labels", help="Ebay_test.txt of Stanford Online Products; without it labels of the same sizes are drawn")
    parser.add_argument("--rows", type=int, default=0, help="only the first so many")
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--repetitions", type=int, default=1)
    parser.add_argument("--contenders", default="diva,faiss,pml,oml")
    parser.add_argument("--no_clustering", action="store_true")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--features", help=argparse.SUPPRESS)
    parser.add_argument("--targets", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender:
        return contender(arguments.contender, arguments)

    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        labels = labels_of(arguments.labels, arguments.rows)
        arguments.features, arguments.targets = os.path.join(folder, "x.npy"), os.path.join(folder, "y.npy")
        np.save(arguments.features, features_of(labels, arguments.dim))
        np.save(arguments.targets, labels)
        results = {}
        for _ in range(arguments.repetitions):
            for name in arguments.contenders.split(","):
                command = [sys.executable, __file__, "--contender", name, "--diva", arguments.diva, "--features", arguments.features]
                command += ["--targets", arguments.targets] + (["--no_clustering"] if arguments.no_clustering else [])
                run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
                if run.returncode:
                    print(f"{name}: not run", file=sys.stderr)
                    continue
                found = json.loads(run.stdout.splitlines()[-1])
                known = results.setdefault(name, found)
                for part, value in found["seconds"].items():
                    known["seconds"][part] = [min(pair) for pair in zip(known["seconds"][part], value)]

    print(f"{len(labels):,} × {arguments.dim} features, {len(np.unique(labels)):,} classes, {cpu()}, {os.cpu_count()} cores,"
          f" minimum of {arguments.repetitions}\n")
    names = [f"recall@{k}" for k in RANKS] + ["map@r", "nmi"]
    print("| | neighbours and metrics: wall, processor s | ratio of processor | k-means and NMI: wall, processor s | ratio of processor"
          " | extra memory, MiB | " + " | ".join(names) + " |")
    print("|---" * (6 + len(names)) + "|")
    own = results.get("diva", {}).get("seconds", {})
    for name, found in results.items():
        cells = [name]
        for part in ("neighbours", "clustering"):
            wall, processor = found["seconds"].get(part, (None, None))
            cells += [f"{wall:.1f}, {processor:.1f}", f"{processor / own[part][1]:.2f}" if part in own else ""] if wall else ["", ""]
        cells.append(f"{found['extra_bytes'] / 2**20:.0f}")
        cells += [f"{found['values'][metric]:.5f}" if metric in found["values"] else "" for metric in names]
        print("| " + " | ".join(cells) + " |")
    for metric in names[:-1]:
        values = [found["values"][metric] for found in results.values() if metric in found["values"]]
        if values and max(values) - min(values) > 1e-4:
            sys.exit(f"{metric} differs between contenders by {max(values) - min(values):.2e}")


if __name__ == "__main__":
    main()
