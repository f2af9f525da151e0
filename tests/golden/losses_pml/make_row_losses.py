"""Writes further cases of pytorch-metric-learning's losses of pairs and triplets beside this file: options that the others leave at
their defaults. Needs torch and pytorch-metric-learning 2.8.1."""

import json
import math
import pathlib
import struct

import torch
from pytorch_metric_learning import losses

torch.set_default_dtype(torch.float64)


def write(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in tensors.items():
        flat = tensor.detach().contiguous().flatten().tolist()
        integer = tensor.dtype == torch.int64
        raw = struct.pack("<%d%s" % (len(flat), "q" if integer else "d"), *flat)
        header[name] = {"dtype": "I64" if integer else "F64", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def case(name, variant, num_classes=5, **options):
    torch.manual_seed(len(name) + len(variant))
    labels = torch.tensor([0, 3, 1, 0, 1, 1, 2, 0, 3, 4, 1])
    embeddings = torch.randn(len(labels), 6).requires_grad_()
    arguments = {key: value for key, value in options.items() if key != "per_class"}
    if options.get("per_class"):
        arguments["num_classes"] = num_classes
    criterion = getattr(losses, name)(**arguments)
    parameters = {}
    for key, parameter in criterion.named_parameters():
        with torch.no_grad():
            parameter.copy_(1 + 0.3 * torch.rand_like(parameter))
        parameters["param." + key] = parameter.detach().clone()
    value = criterion(embeddings, labels)
    value.sum().backward()
    tensors = {"labels": labels, "embeddings": embeddings, **parameters, "out.loss": value.reshape(()), "out.grad.embeddings": embeddings.grad}
    for key, parameter in criterion.named_parameters():
        tensors["out.grad.param." + key] = parameter.grad
    recorded = {**arguments, "margin": math.radians(options["margin"])} if name == "TupletMarginLoss" else arguments
    metadata = {"kind": "loss_pml", "name": name, "options": json.dumps(recorded), "num_classes": str(num_classes),
                "reference": "pytorch-metric-learning 2.8.1"}
    write(pathlib.Path(__file__).parent / f"{name}__mixed__{variant}.safetensors", tensors, metadata)


case("TripletMarginLoss", "swap", margin=0.3, swap=True)
case("TripletMarginLoss", "smooth", margin=0.1, smooth_loss=True)
case("TripletMarginLoss", "smooth_swap", margin=0.2, smooth_loss=True, swap=True)
case("MarginLoss", "learned", margin=0.1, nu=0.05, learn_beta=True)
case("MarginLoss", "learned_classes", margin=0.1, nu=0.05, learn_beta=True, per_class=True)
case("ContrastiveLoss", "margins", pos_margin=0.3, neg_margin=1.3)
case("AngularLoss", "angle", alpha=50)
case("CircleLoss", "faces", m=0.25, gamma=128)
case("LiftedStructureLoss", "margins", neg_margin=0.7, pos_margin=0.2)
case("GeneralizedLiftedStructureLoss", "margins", neg_margin=0.7, pos_margin=0.2)
case("MultiSimilarityLoss", "weights", alpha=3, beta=20, base=0.3)
case("NCALoss", "scale", softmax_scale=3)
case("IntraPairVarianceLoss", "slack", pos_eps=0.2, neg_eps=0.3)
case("NTXentLoss", "temperature", temperature=0.5)
case("SupConLoss", "temperature", temperature=0.4)
case("TupletMarginLoss", "margin", margin=12.0, scale=16)
