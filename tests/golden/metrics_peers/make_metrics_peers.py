"""Writes the cases of this folder: values of scikit-learn, SciPy, pytorch-metric-learning and OML on small sets of points.

    pip install "numpy<2" torch scikit-learn scipy safetensors tqdm omegaconf
    pip install --no-deps pytorch-metric-learning==2.8.1 open-metric-learning==4.0.0
    python make_metrics_peers.py

The values are JSON in the metadata of each file, by the names that the C++ test looks up. Features are float64 and drawn from a
coarse grid only where ties do no harm; all others have no two equal distances, so that every library orders neighbours alike.
"""

import importlib.util
import json
import pathlib
import sys
import types
import unittest.mock

import numpy as np
import scipy
import sklearn
import sklearn.metrics as sk
import torch
from pytorch_metric_learning import __version__ as pml_version
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent


def oml_metrics():
    """oml.functional.metrics without the packages' __init__, which import downloaders and plotting libraries."""
    root = pathlib.Path(importlib.util.find_spec("oml").submodule_search_locations[0])
    for name in ("oml", "oml.utils", "oml.functional"):
        package = types.ModuleType(name)
        package.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = package
    for name in ("matplotlib", "matplotlib.pyplot", "dotenv"):
        sys.modules.setdefault(name, unittest.mock.MagicMock())
    import oml.functional.metrics as metrics

    return metrics


OML = oml_metrics()


class CalculatorWithDistances(AccuracyCalculator):
    """PML with neighbours of a full sort in float64, and given clusters."""

    def __init__(self, clusters, **kwargs):
        def knn(query, k, reference, ref_includes_query):
            distances = torch.cdist(query, reference, compute_mode="donot_use_mm_for_euclid_dist")
            if ref_includes_query:
                distances[torch.arange(len(query)), torch.arange(len(query))] = float("inf")
            found = torch.sort(distances, dim=1, stable=True)
            return found.values[:, :k], found.indices[:, :k]

        super().__init__(knn_func=knn, kmeans_func=lambda query, count: clusters, device=torch.device("cpu"), **kwargs)


def pml_values(query, query_labels, reference, reference_labels, same, clusters):
    values = {}
    # `k` as long as the gallery: mean_average_precision over all ranks.
    k = len(reference) - (1 if same else 0)
    arguments = (query, query_labels) if same else (query, query_labels, reference, reference_labels)
    for average, options in (("queries", {}), ("classes", {"avg_of_avgs": True}), ("each_class", {"return_per_class": True})):
        if average == "each_class":
            include = ("precision_at_1", "r_precision", "mean_average_precision_at_r")
        else:
            include = ()
        calculator = CalculatorWithDistances(clusters, k=k, include=include, **options)
        values[average] = {name: value for name, value in calculator.get_accuracy(*arguments).items()}
    return values


def oml_values(query, query_labels, reference, reference_labels, same):
    distances = torch.cdist(query, reference, compute_mode="donot_use_mm_for_euclid_dist")
    relevant = query_labels[:, None] == reference_labels[None, :]
    keep = torch.ones_like(relevant)
    if same:
        keep.fill_diagonal_(False)
    hits, counts = [], []
    for q in range(len(query)):
        rest = torch.nonzero(keep[q]).flatten()
        order = rest[torch.argsort(distances[q][rest], stable=True)]
        if (relevant[q] & keep[q]).any():  # OML asks for data without lone queries
            hits.append(relevant[q][order])
            counts.append(int((relevant[q] & keep[q]).sum()))
    ks = (1, 3, 8)
    values = {}
    for name, computed in (
        ("cmc", OML.calc_cmc(hits, counts, ks)),
        ("oml_precision", OML.calc_precision(hits, counts, ks)),
        ("oml_map", OML.calc_map(hits, counts, ks)),
    ):
        for k, per_query in zip(ks, computed):
            values[f"{name}@{k}"] = per_query.double().mean().item()
    return values


def pair_values(query, query_labels, reference, reference_labels, same):
    distances = torch.cdist(query, reference, compute_mode="donot_use_mm_for_euclid_dist").numpy()
    relevant = (query_labels[:, None] == reference_labels[None, :]).numpy()
    chosen = np.triu_indices(len(query), 1) if same else np.nonzero(np.ones_like(relevant))
    distances, relevant = distances[chosen], relevant[chosen]
    values = {"auc": sk.roc_auc_score(relevant, -distances)}
    false_rate, true_rate, _ = sk.roc_curve(relevant, -distances, drop_intermediate=False)
    # The best accuracy and F1 over all thresholds.
    positives, negatives = relevant.sum(), (~relevant).sum()
    hits, false_hits = true_rate * positives, false_rate * negatives
    values["accuracy"] = ((hits + negatives - false_hits) / (positives + negatives)).max()
    values["f1"] = (2 * hits / (positives + hits + false_hits)).max()
    for rate in (0.01, 0.1, 0.5):
        values[f"fnmr@{rate}"] = 1 - true_rate[false_rate <= rate].max()
    return {name: float(value) for name, value in values.items()}


def ndcg_values(query, query_labels, reference, reference_labels, same):
    distances = torch.cdist(query, reference, compute_mode="donot_use_mm_for_euclid_dist").numpy()
    relevant = (query_labels[:, None] == reference_labels[None, :]).numpy()
    values = {}
    for k in (1, 5, 20):
        scores = []
        for q in range(len(query)):
            kept = np.arange(len(reference)) != q if same else np.ones(len(reference), dtype=bool)
            if relevant[q][kept].any():
                scores.append(sk.ndcg_score([relevant[q][kept].astype(float)], [-distances[q][kept]], k=k))
        values[f"ndcg@{k}"] = float(np.mean(scores))
    return values


def cluster_values(labels, clusters):
    values = {"ami": sk.adjusted_mutual_info_score(labels, clusters)}
    for ours, theirs in (("nmi", "arithmetic"), ("nmi_geometric", "geometric"), ("nmi_min", "min"), ("nmi_max", "max")):
        values[ours] = sk.normalized_mutual_info_score(labels, clusters, average_method=theirs)
    pairs = sk.pair_confusion_matrix(labels, clusters)
    values["f1"] = float(2 * pairs[1, 1] / (2 * pairs[1, 1] + pairs[0, 1] + pairs[1, 0]))
    return {name: float(value) for name, value in values.items()}


def embedding_values(features):
    unit = torch.nn.functional.normalize(features)
    # The authors' code of uniformity: log of the mean of exp(-2 pdist²).
    return {"uniformity": torch.pdist(unit).pow(2).mul(-2).exp().mean().log().item()} | {
        f"pcf@{share}": OML.calc_pcf(features, (share,))[0].item() for share in (0.3, 0.6, 0.9)
    }


def write(name, tensors, values):
    versions = f"scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}, pytorch-metric-learning {pml_version}, open-metric-learning 4.0.0, torch {torch.__version__}"
    metadata = {"kind": "metrics_peers", "name": name, "reference": versions, "values": json.dumps(values)}
    save_file({key: value.contiguous() for key, value in tensors.items()}, HERE / f"{name}.safetensors", metadata)


def one_set(name, seed, sizes, dim, spread):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.repeat_interleave(torch.arange(len(sizes)) * 3 - 4, torch.tensor(sizes))
    labels = labels[torch.randperm(len(labels), generator=generator)]
    centres = torch.randn(len(sizes), dim, generator=generator, dtype=torch.float64)
    features = centres[(labels + 4) // 3] + spread * torch.randn(len(labels), dim, generator=generator, dtype=torch.float64)
    clusters = torch.cdist(features, features[: max(2, len(sizes) - 2)]).argmin(1)
    arguments = (features, labels, features, labels, True)
    values = {
        "pml": pml_values(*arguments, clusters),
        "oml": oml_values(*arguments),
        "pairs": pair_values(*arguments),
        "ndcg": ndcg_values(*arguments),
        "clusters": cluster_values(labels, clusters),
        "embedding": embedding_values(features),
    }
    write(name, {"features": features, "labels": labels, "clusters": clusters}, values)


def query_gallery(name, seed, classes, per_query, per_gallery, dim, spread):
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(classes, dim, generator=generator, dtype=torch.float64)

    def draw(count):
        labels = torch.arange(classes).repeat(count)
        return centres[labels] + spread * torch.randn(len(labels), dim, generator=generator, dtype=torch.float64), labels

    (query, query_labels), (gallery, gallery_labels) = draw(per_query), draw(per_gallery)
    clusters = torch.zeros(len(query), dtype=torch.int64)
    arguments = (query, query_labels, gallery, gallery_labels, False)
    values = {"pml": pml_values(*arguments, clusters), "oml": oml_values(*arguments), "pairs": pair_values(*arguments), "ndcg": ndcg_values(*arguments)}
    for average in values["pml"].values():
        average.pop("NMI", None), average.pop("AMI", None)
    tensors = {"queries": query, "query_labels": query_labels, "gallery": gallery, "gallery_labels": gallery_labels}
    write(name, tensors, values)


def partitions(name, seed, count):
    """Random pairs of partitions, the trivial ones among them, for the clustering metrics alone."""
    generator = np.random.default_rng(seed)
    labels, clusters, values = [], [], []
    for i in range(count):
        size, kinds, groups = 40, generator.integers(1, 12), generator.integers(1, 41)
        a, b = generator.integers(0, kinds, size), generator.integers(0, groups, size)
        if i == 0:
            b = np.zeros(size, dtype=np.int64)
        if i == 1:
            b = np.arange(size)
        labels.append(a), clusters.append(b)
        values.append(cluster_values(a, b))
    write(name, {"partitions": torch.tensor(np.array(labels)), "partition_clusters": torch.tensor(np.array(clusters))}, {"partitions": values})


if __name__ == "__main__":
    one_set("one_set_even", 1, [6] * 10, 5, 0.6)
    one_set("one_set_ragged", 2, [1, 2, 3, 5, 8, 13, 1, 2, 20], 4, 0.9)
    query_gallery("query_gallery", 3, 12, 2, 3, 6, 0.8)
    partitions("partitions", 4, 40)
