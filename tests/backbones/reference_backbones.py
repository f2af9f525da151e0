"""Networks of torchvision, timm and pretrainedmodels with random weights, against which diva's are compared.

reference_backbones.py names                 what is installed here, one name a line; FEW without the large ones
reference_backbones.py write FOLDER NAME...  for each NAME.pth: its weights, as {"state_dict": {"module.…"}} in float16, and beside them
                                             the tensors images.I and features.I that the library makes of them
reference_backbones.py check FOLDER NAME...  NAME.back.pth, written by diva, loads strictly and gives the same features
reference_backbones.py embed FOLDER NAME...  photos/I.png of 224 pixels, and in NAME.pth weights and the features of the photos, normalised
"""
import inspect
import pathlib
import struct
import sys
import zlib

import torch

torch.set_num_threads(1)
FEW = ["conv4", "resnet18", "resnet50", "bninception", "googlenet", "vits16", "torchvision_vitb32", "dinov2_vits14_reg4"]
MANY = ["resnet34", "resnet101", "resnet152", "vitb16", "vitb32", "torchvision_vitb16", "dino_vits16", "dino_vitb16", "timm_resnet50",
        "dinov2_vitb14_reg4"]


def torchvision_model(name, **options):
    import torchvision

    make = getattr(torchvision.models, name)
    return make(**({"weights": None} if "weights" in inspect.signature(make).parameters else {}), **options)


def timm_model(name, **options):
    import timm

    return timm.create_model(name, pretrained=False, num_classes=0, **options)


class Conv4(torch.nn.Module):
    """Matching Networks' four blocks, 64 channels wide, with the means of the last map."""

    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList(
            torch.nn.ModuleDict({"conv": torch.nn.Conv2d(64 if i else 3, 64, 3, padding=1, bias=False), "bn": torch.nn.BatchNorm2d(64)})
            for i in range(4))

    def forward(self, x):
        for block in self.blocks:
            x = torch.nn.functional.max_pool2d(torch.relu(block["bn"](block["conv"](x))), 2)
        return x.mean((2, 3))


def make(name):
    """A network whose output is its features."""
    vision = {"vits16": "vit_small_patch16_224", "vitb16": "vit_base_patch16_224", "vitb32": "vit_base_patch32_224",
              "dino_vits16": "vit_small_patch16_224.dino", "dino_vitb16": "vit_base_patch16_224.dino",
              "dinov2_vits14_reg4": "vit_small_patch14_reg4_dinov2", "dinov2_vitb14_reg4": "vit_base_patch14_reg4_dinov2"}
    if name == "conv4":
        return Conv4()
    if name in vision:
        return timm_model(vision[name], dynamic_img_size=True)
    if name == "timm_resnet50":
        return timm_model("resnet50")
    if name.startswith("torchvision_vitb"):
        model = torchvision_model("vit_b_" + name[len("torchvision_vitb"):])
        model.heads = torch.nn.Identity()
        return model
    if name == "bninception":
        import pretrainedmodels

        model = pretrainedmodels.bninception(1000, None)
        model.last_linear = torch.nn.Identity()
        return model
    model = torchvision_model(name, **({"aux_logits": False, "init_weights": False} if name == "googlenet" else {}))
    model.fc = torch.nn.Identity()
    return model


def image_sizes(name):
    """The published size, and others where the library takes them."""
    if name.startswith("torchvision_vit"):
        return [(224, 224)]
    if name.startswith("dinov2"):
        return [(98, 70)]
    if "vit" in name:
        return [(224, 224), (96, 160)]
    return [(224, 224)] if name == "bninception" else [(96, 96), (81, 107)]


def randomise(model, generator):
    """Weights that tell layers apart, float16 numbers all of them."""
    with torch.no_grad():
        for name, tensor in list(model.named_parameters()) + list(model.named_buffers()):
            if not tensor.is_floating_point():
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                value = 1 + 0.3 * noise.abs()
            elif name.endswith(("running_mean", "bias")) or "token" in name or "pos_embed" in name:
                value = 0.1 * noise
            elif tensor.dim() == 1:
                value = 1 + 0.1 * noise
            else:
                value = noise / tensor[0].numel() ** 0.5
            tensor.copy_(value.half().float())


def write(folder, name):
    model = make(name)
    generator = torch.Generator().manual_seed(len(name))
    randomise(model, generator)
    model.eval()
    saved = {"state_dict": {"module." + key: value.half() if value.is_floating_point() else value for key, value in model.state_dict().items()}}
    with torch.no_grad():
        for i, size in enumerate(image_sizes(name)):
            images = torch.randn(2, 3, *size, generator=generator)
            saved[f"images.{i}"], saved[f"features.{i}"] = images, model(images)
    torch.save(saved, folder / f"{name}.pth")


def check(folder, name):
    saved = torch.load(folder / f"{name}.pth")
    back = torch.load(folder / f"{name}.back.pth")
    model = make(name)
    if name.startswith("torchvision_vit"):  # written with timm's names
        assert "blocks.0.attn.qkv.weight" in back
        return
    counters = {key for key in model.state_dict() if key.endswith("num_batches_tracked")}
    result = model.load_state_dict(back, strict=False)
    assert not result.unexpected_keys and set(result.missing_keys) <= counters, result
    model.eval()
    with torch.no_grad():
        difference = (model(saved["images.0"]) - saved["features.0"]).abs().max()
    assert difference <= 1e-4 * saved["features.0"].abs().max(), difference


def write_png(path, pixels):
    """pixels [H, W, 3] uint8"""
    height, width, _ = pixels.shape
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes(row.flatten().tolist()) for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def embed(folder, name):
    generator = torch.Generator().manual_seed(7)
    (folder / "photos").mkdir(exist_ok=True)
    pixels = torch.nn.functional.interpolate(torch.rand(2, 3, 28, 28, generator=generator), size=(224, 224), mode="bilinear")
    pixels = (255 * pixels).round().to(torch.uint8)
    for i, photo in enumerate(pixels):
        write_png(folder / "photos" / f"{i}.png", photo.permute(1, 2, 0))
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    model = make(name)
    randomise(model, generator)
    model.eval()
    with torch.no_grad():
        features = torch.nn.functional.normalize(model((pixels.float() / 255 - mean) / deviation))
    torch.save({"model": model.state_dict(), "features": features}, folder / f"{name}.pth")


def names(few):
    for name in FEW + ([] if few else MANY):
        try:
            if name == "conv4":
                pass
            elif name == "bninception":
                import pretrainedmodels
            elif "torchvision" in name or name.startswith("resnet") or name == "googlenet":
                import torchvision
            else:
                import timm
        except ImportError:
            continue
        print(name)


if __name__ == "__main__":
    if sys.argv[1] == "names":
        names(sys.argv[2:] == ["FEW"])
    else:
        for argument in sys.argv[3:]:
            {"write": write, "check": check, "embed": embed}[sys.argv[1]](pathlib.Path(sys.argv[2]), argument)
