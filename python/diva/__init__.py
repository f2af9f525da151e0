"""Exact neighbours, retrieval metrics and k-means of the C++ library diva, on NumPy arrays.

Features are [N, D]. Contiguous float32 arrays are used where they lie; others are converted. Results do not depend on the number of
threads; other Python threads run meanwhile. What is wrong with an argument is a ValueError that says what was expected.
"""

import ctypes
import typing

import numpy as np

from ._library import EvaluateOptions, Samples, check, library

__all__ = ["Clustering", "Neighbours", "evaluate", "kmeans", "metric_names", "nearest_neighbours", "normalise", "set_num_threads"]
__version__ = library.diva_version().decode()

_SIMILARITIES = {"euclidean": 0, "cosine": 1, "dot": 2}


class Neighbours(typing.NamedTuple):
    """indices [Q, k] int64, -1 where fewer are left; distances [Q, k] float32, then infinity."""

    indices: np.ndarray
    distances: np.ndarray


class Clustering(typing.NamedTuple):
    """centroids [k, D] float32, assignments [N] int64, and the sum of squared distances to them."""

    centroids: np.ndarray
    assignments: np.ndarray
    objective: float


def _similarity(function, name):
    if name not in _SIMILARITIES:
        raise ValueError(f"{function}: similarity must be one of {', '.join(_SIMILARITIES)}, got {name!r}")
    return _SIMILARITIES[name]


def _features(function, argument, values):
    array = np.asarray(values)
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise ValueError(f"{function}: {argument} must be [N, D] numbers, got {list(array.shape)} {array.dtype}")
    return np.ascontiguousarray(array, dtype=np.float32)


def _whole(function, argument, values, size):
    if values is None:
        return None
    array = np.asarray(values)
    if array.shape != (size,) or (array.dtype.kind not in "iub" and size > 0):
        raise ValueError(f"{function}: {argument} must be [{size}] whole numbers, got {list(array.shape)} {array.dtype}")
    return np.ascontiguousarray(array, dtype=np.int64)


def _labels(function, parts):
    """Of queries and gallery: whole numbers as they are, texts by one numbering."""
    arrays = [np.asarray(values) for _, values, _ in parts]
    if any(array.dtype.kind in "US" for array in arrays):
        for (argument, _, size), array in zip(parts, arrays):
            if array.shape != (size,):
                raise ValueError(f"{function}: {argument} must be [{size}], got {list(array.shape)}")
        texts, numbers = np.unique(np.concatenate([array.astype(str) for array in arrays]), return_inverse=True)
        return np.split(np.ascontiguousarray(numbers.reshape(-1), dtype=np.int64), np.cumsum([len(array) for array in arrays])[:-1])
    return [_whole(function, argument, array, size) for (argument, _, size), array in zip(parts, arrays)]


def _pointer(array):
    return None if array is None else array.ctypes.data


def _samples(features, labels, ids):
    return Samples(_pointer(features), _pointer(labels), _pointer(ids), len(features))


def _same_dim(function, first, second):
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"{function}: gallery must be [N, {first.shape[1]}], as the queries are, got {list(second.shape)}")


def evaluate(
    features,
    labels,
    metrics=("recall@1", "recall@2", "recall@4", "recall@8", "map@r", "nmi"),
    *,
    ids=None,
    gallery=None,
    gallery_labels=None,
    gallery_ids=None,
    similarity="euclidean",
    clusters=0,
    kmeans_iterations=20,
    kmeans_restarts=1,
    seed=0,
):
    """Metrics by name, as a dict in the order asked for; `metric_names()` lists them. NaN where there is nothing to judge.

    Each row is a query against all others or, with a gallery, against that. Rows of one id are never judged against each other: give
    the number of a sequence as the id of its frames. Labels may be texts. `clusters` of k-means for nmi, ami and f1; 0: as many as
    classes.
    """
    name = "evaluate"
    if isinstance(metrics, str):
        metrics = [metrics]
    features = _features(name, "features", features)
    parts = [("labels", labels, len(features))]
    if gallery is None:
        if gallery_labels is not None or gallery_ids is not None:
            raise ValueError(f"{name}: gallery must be given with gallery_labels and gallery_ids, got None")
    else:
        gallery = _features(name, "gallery", gallery)
        _same_dim(name, features, gallery)
        parts.append(("gallery_labels", gallery_labels, len(gallery)))
    numbers = _labels(name, parts)
    # Named here, so that the arrays outlive the call.
    ids = _whole(name, "ids", ids, len(features))
    queries = _samples(features, numbers[0], ids)
    searched = None
    if gallery is not None:
        gallery_ids = _whole(name, "gallery_ids", gallery_ids, len(gallery))
        searched = _samples(gallery, numbers[1], gallery_ids)
    options = EvaluateOptions(_similarity(name, similarity), clusters, kmeans_iterations, kmeans_restarts, seed)
    metrics = list(metrics)
    names = (ctypes.c_char_p * len(metrics))(*[metric.encode() for metric in metrics])
    values = np.empty(len(metrics), dtype=np.float64)
    check(
        library.diva_evaluate(
            ctypes.byref(queries),
            None if searched is None else ctypes.byref(searched),
            features.shape[1],
            names,
            len(metrics),
            ctypes.byref(options),
            _pointer(values),
        )
    )
    return dict(zip(metrics, values.tolist()))


def metric_names():
    """The forms of metric names, such as "recall@K", with their meaning."""
    names = {}
    while (name := library.diva_metric_name(len(names))) is not None:
        names[name.decode()] = library.diva_metric_meaning(len(names)).decode()
    return names


def nearest_neighbours(queries, gallery=None, k=10, *, query_ids=None, gallery_ids=None, similarity="euclidean"):
    """The k nearest rows of the gallery for each query, exact, equally near ones by their index.

    Without a gallery each row is searched among the others. Rows of equal id are never neighbours.
    """
    name = "nearest_neighbours"
    queries = _features(name, "queries", queries)
    if gallery is None:
        gallery = queries
        query_ids = np.arange(len(queries)) if query_ids is None else query_ids
        gallery_ids = query_ids
    gallery = _features(name, "gallery", gallery)
    _same_dim(name, queries, gallery)
    query_ids = _whole(name, "query_ids", query_ids, len(queries))
    gallery_ids = _whole(name, "gallery_ids", gallery_ids, len(gallery))
    indices = np.empty((len(queries), max(k, 0)), dtype=np.int64)
    distances = np.empty((len(queries), max(k, 0)), dtype=np.float32)
    check(
        library.diva_nearest_neighbours(
            _pointer(queries),
            len(queries),
            _pointer(gallery),
            len(gallery),
            queries.shape[1],
            k,
            _pointer(query_ids),
            _pointer(gallery_ids),
            _similarity(name, similarity),
            _pointer(indices),
            _pointer(distances),
        )
    )
    return Neighbours(indices, distances)


def kmeans(features, k, *, iterations=20, restarts=1, seed=0):
    """k-means of rows: Lloyd's iterations from k different rows, the best of `restarts` starts."""
    features = _features("kmeans", "features", features)
    centroids = np.empty((max(k, 0), features.shape[1]), dtype=np.float32)
    assignments = np.empty(len(features), dtype=np.int64)
    objective = ctypes.c_double()
    check(
        library.diva_kmeans(
            _pointer(features),
            *features.shape,
            k,
            iterations,
            restarts,
            seed,
            _pointer(centroids),
            _pointer(assignments),
            ctypes.byref(objective),
        )
    )
    return Clustering(centroids, assignments, objective.value)


def normalise(features):
    """A copy with rows of length 1; rows of zeros stay."""
    rows = _features("normalise", "features", features).copy()
    check(library.diva_normalise(_pointer(rows), *rows.shape))
    return rows


def set_num_threads(threads):
    """Threads of all computations of this library; at least 1."""
    check(library.diva_set_num_threads(threads))
