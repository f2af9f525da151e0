"""Further cases of pytorch-metric-learning 2.8.1 (torch 1.13, float64), beyond one of each loss: other options, ManifoldLoss with
given meta-classes, VICRegLoss with a second view, and the regularisers (../regularizers). The inputs are functions of SEED.

    python make_more.py
"""
import json
import pathlib
import struct

import torch
from pytorch_metric_learning import losses, regularizers

SEED = 7
HERE = pathlib.Path(__file__).parent
TYPES = {torch.float64: ("F64", "d"), torch.int64: ("I64", "q")}


def write(path, tensors, metadata):
    header, data, offset = {"__metadata__": metadata}, b"", 0
    for name, tensor in tensors.items():
        dtype, code = TYPES[tensor.dtype]
        raw = struct.pack(f"<{tensor.numel()}{code}", *tensor.detach().flatten().tolist())
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [offset, offset + len(raw)]}
        data, offset = data + raw, offset + len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def draw(*shape, unit=True):
    rows = torch.randn(*shape)
    return (rows / rows.norm(dim=1, keepdim=True) if unit else rows).requires_grad_()


def case(kind, name, variant, options, inputs, parameters, value, folder=HERE):
    value.sum().backward()
    tensors = dict(inputs, **{f"param.{key}": tensor for key, tensor in parameters.items()}, **{"out.loss": value.reshape(())})
    for key, tensor in inputs.items():
        if tensor.is_floating_point():
            tensors[f"out.grad.{key}"] = tensor.grad
    for key, tensor in parameters.items():
        tensors[f"out.grad.param.{key}"] = tensor.grad
    metadata = {"kind": kind, "name": name, "options": json.dumps(options), "num_classes": "7", "reference": "pytorch-metric-learning 2.8.1"}
    write(folder / f"{name}__{variant}.safetensors", tensors, metadata)


def supervised(name, variant, options, **batch):
    x, labels = draw(15, 6), torch.tensor([0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4, 5, 6])
    case("loss_pml", name, variant, options, {"embeddings": x, "labels": labels}, {}, getattr(losses, name)(**options)(x, labels))


def regularizer(name, variant, options, rows):
    folder = HERE.parent / "regularizers"
    case("regularizer_pml", name, variant, options, {"rows": rows}, {}, getattr(regularizers, name)(**options)(rows), folder)


torch.set_default_dtype(torch.float64)
torch.manual_seed(SEED)
# It inverts in float32; in float64 all of it is comparable.
torch.Tensor.float = torch.Tensor.double

for variant in ("Iu", "Ib", "Dq", "Ds"):
    supervised("PNPLoss", variant, {"b": 3, "alpha": 2, "anneal": 0.05, "variant": variant})
supervised("FastAPLoss", "bins", {"num_bins": 7})
supervised("RankedListLoss", "temperatures", {"margin": 0.3, "Tn": 4, "Tp": 2, "imbalance": 0.3, "alpha": 1.3})
supervised("HistogramLoss", "bins", {"n_bins": 40})
supervised("ThresholdConsistentMarginLoss", "weights",
           {"lambda_plus": 0.5, "lambda_minus": 2.0, "margin_plus": 0.8, "margin_minus": 0.1})
supervised("DynamicSoftMarginLoss", "bins", {"num_bins": 16, "min_val": -2.2})

for variant, options in (("default", {}), ("weights", {"lambdaC": 0.3, "alpha": 0.6, "margin": 0.01})):
    loss = losses.ManifoldLoss(l=6, K=4, **options)
    x, classes = draw(9, 6), torch.tensor([0, 1, 2, 3, 0, 1, 2, 3, 3])
    case("loss_pml", "ManifoldLoss", variant, dict(options, K=4), {"embeddings": x, "labels": classes}, {"proxies": loss.proxies},
         loss(x, indices_tuple=classes))
for variant, options in (("default", {}), ("weights", {"invariance_lambda": 3, "variance_mu": 5, "covariance_v": 2, "eps": 0.01})):
    x, y = draw(9, 6, unit=False), draw(9, 6, unit=False)
    case("loss_pml", "VICRegLoss", variant, options, {"embeddings": x, "reference": y}, {},
         losses.VICRegLoss(**options)(x, ref_emb=y))

regularizer("LpRegularizer", "default", {}, draw(8, 5, unit=False))
regularizer("LpRegularizer", "power", {"p": 1.5, "power": 3}, draw(8, 5, unit=False))
regularizer("ZeroMeanRegularizer", "default", {}, draw(8, 5, unit=False))
regularizer("CenterInvariantRegularizer", "default", {}, draw(8, 5, unit=False))
regularizer("RegularFaceRegularizer", "default", {}, draw(8, 5, unit=False))
regularizer("SparseCentersRegularizer", "default", {"num_classes": 2, "centers_per_class": 4}, draw(8, 5, unit=False))
