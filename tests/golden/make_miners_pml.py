"""Further cases for tests/miners/golden_pml_test.cpp: other options, a reference, the miners left out before.

  python make_miners_pml.py FOLDER          needs torch and pytorch-metric-learning 2.8.1
  DIVA_GOLDEN_DIR=FOLDER ctest -R miners.golden_pml
"""

import json
import os
import struct
import sys

import torch
from pytorch_metric_learning import miners

CASES = [
    ("AngularMiner", {"angle": 30}),
    ("BatchEasyHardMiner", {"pos_strategy": "hard", "neg_strategy": "hard"}),
    ("BatchEasyHardMiner", {"pos_strategy": "semihard", "neg_strategy": "hard"}),
    ("BatchEasyHardMiner", {"pos_strategy": "semihard", "neg_strategy": "easy"}),
    ("BatchEasyHardMiner", {"pos_strategy": "hard", "neg_strategy": "semihard"}),
    ("BatchEasyHardMiner", {"pos_strategy": "all", "neg_strategy": "hard"}),
    ("BatchEasyHardMiner", {"pos_strategy": "easy", "neg_strategy": "all"}),
    ("BatchEasyHardMiner", {"pos_strategy": "hard", "neg_strategy": "hard", "allowed_pos_range": [0.4, 1.2], "allowed_neg_range": [0.5, 1.6]}),
    ("EmbeddingsAlreadyPackagedAsTriplets", {}),
    ("HDCMiner", {}),
    ("HDCMiner", {"filter_percentage": 0.27}),
    ("MultiSimilarityMiner", {"epsilon": 0.02}),
    ("PairMarginMiner", {"pos_margin": 0.7, "neg_margin": 1.1}),
    ("TripletMarginMiner", {"margin": 0.05, "type_of_triplets": "hard"}),
    ("TripletMarginMiner", {"margin": 0.4, "type_of_triplets": "semihard"}),
    ("TripletMarginMiner", {"type_of_triplets": "easy"}),
]


def write(path, tensors, metadata):
    header, data, offset = {"__metadata__": metadata}, b"", 0
    for name, tensor in tensors.items():
        kind, code = {torch.float64: ("F64", "d"), torch.int64: ("I64", "q")}[tensor.dtype]
        values = struct.pack(f"<{tensor.numel()}{code}", *tensor.flatten().tolist())
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [offset, offset + len(values)]}
        data += values
        offset += len(values)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def main(folder):
    os.makedirs(folder + "/miners_pml", exist_ok=True)
    generator = torch.Generator().manual_seed(5)
    for number, (name, options) in enumerate(CASES):
        for with_reference in (False, True):
            if with_reference and name == "EmbeddingsAlreadyPackagedAsTriplets":
                continue
            rows = lambda n: torch.nn.functional.normalize(torch.randn(n, 5, generator=generator, dtype=torch.float64))
            labels = lambda n: torch.randint(0, 5, (n,), generator=generator)
            x, y = rows(18), labels(18)
            tensors = {"embeddings": x, "labels": y}
            reference = ()
            if with_reference:
                reference = (rows(23), labels(23))
                tensors["ref_embeddings"], tensors["ref_labels"] = reference
            found = getattr(miners, name)(**options)(x, y, *reference)
            for i, indices in enumerate(found):
                tensors[f"out.index{i}"] = indices
            metadata = {"kind": "miner_pml", "name": name, "options": json.dumps(options), "reference": "pytorch-metric-learning 2.8.1"}
            write(f"{folder}/miners_pml/{name}__{number}{'__reference' if with_reference else ''}.safetensors", tensors, metadata)


main(sys.argv[1])
