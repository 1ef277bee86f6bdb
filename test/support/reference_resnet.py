"""Reference logits of ResNet34 and ResNet50 from PyTorch.

An implementation of its own, against which `npm run conformance:resnet` and the tests hold the
networks that `models build` writes: convolutions and batch normalisations stay apart (nothing is
folded), the layout is NCHW, and nothing here is shared with the TypeScript.

    python3 reference_resnet.py --network resnet50 --weights w.safetensors --pixels images.u8 --output logits.f32

Weights: a .safetensors file with torchvision's names. Pixels: uint8 [N, S, S, 3], RGB.
Output: little-endian float32 [N, classes]. Needs torch and numpy.
"""
import argparse
import json
import struct

import numpy
import torch
from torch import nn
from torch.nn import functional

DTYPES = {"F32": numpy.dtype("<f4"), "F16": numpy.dtype("<f2"), "I64": numpy.dtype("<i8")}


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        array = numpy.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(array.copy())
    return tensors


class SamePadded(nn.Module):
    """Pads so that the output has ceil(size / stride) pixels, the odd one at the end, then applies."""

    def __init__(self, layer, kernel, stride, value=0.0):
        super().__init__()
        self.layer, self.kernel, self.stride, self.value = layer, kernel, stride, value

    def forward(self, x):
        size = x.shape[-1]
        total = max((-(-size // self.stride) - 1) * self.stride + self.kernel - size, 0)
        before, after = total // 2, total - total // 2
        return self.layer(functional.pad(x, (before, after, before, after), value=self.value))


class PublishedBlock(nn.Module):
    """Convolutions with batch normalisation; ReLU between them and after the addition."""

    def __init__(self, inputs, layers, stride):
        super().__init__()
        outputs = layers[-1][1]
        self.count = len(layers)
        for number, (kernel, channels, step) in enumerate(layers, 1):
            conv = nn.Conv2d(inputs, channels, kernel, step, kernel // 2, bias=False)
            self.add_module(f"conv{number}", conv)
            self.add_module(f"bn{number}", nn.BatchNorm2d(channels))
            inputs = channels
        self.downsample = None
        first = self.conv1.in_channels
        if stride != 1 or first != outputs:
            conv = nn.Conv2d(first, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        for number in range(1, self.count + 1):
            x = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(x))
            if number < self.count:
                x = torch.relu(x)
        return torch.relu(x + shortcut)


class PlainBlock(nn.Module):
    """Convolutions with a bias and a ReLU each; nothing after the addition."""

    def __init__(self, inputs, layers, stride):
        super().__init__()
        outputs = layers[-1][1]
        self.layers = layers
        for number, (kernel, channels, step) in enumerate(layers, 1):
            self.add_module(f"conv{number}", nn.Conv2d(inputs, channels, kernel, step))
            inputs = channels
        self.downsample = None
        first = self.conv1.in_channels
        if stride != 1 or first != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(first, outputs, 1, stride))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        for number, (kernel, _, step) in enumerate(self.layers, 1):
            x = torch.relu(SamePadded(getattr(self, f"conv{number}"), kernel, step)(x))
        return x + shortcut


class ResNet(nn.Module):
    def __init__(self, network, variant, filters, classes):
        super().__init__()
        published = variant == "after-addition"
        self.conv1 = nn.Conv2d(3, filters, 7, 2, 3 if published else 0, bias=not published)
        if published:
            self.bn1 = nn.BatchNorm2d(filters)
            self.pool = nn.MaxPool2d(3, 2, 1)
        else:
            self.pool = SamePadded(nn.MaxPool2d(3, 2), 3, 2, float("-inf"))
        self.published = published
        inputs = filters
        for group, count in enumerate([3, 4, 6, 3]):
            width = filters * 2**group
            blocks = []
            for index in range(count):
                stride = 2 if group and not index else 1
                if network == "resnet34":
                    layers = [(3, width, stride), (3, width, 1)]
                elif published:
                    layers = [(1, width, 1), (3, width, stride), (1, 4 * width, 1)]
                else:
                    layers = [(1, width, stride), (3, width, 1), (1, 4 * width, 1)]
                block = PublishedBlock if published else PlainBlock
                blocks.append(block(inputs, layers, stride))
                inputs = layers[-1][1]
            self.add_module(f"layer{group + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        if self.published:
            x = torch.relu(self.bn1(self.conv1(x)))
        else:
            x = torch.relu(SamePadded(self.conv1, 7, 2)(x))
        x = self.pool(x)
        for group in range(1, 5):
            x = getattr(self, f"layer{group}")(x)
        return self.fc(x.mean((2, 3)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=["resnet34", "resnet50"], required=True)
    parser.add_argument("--variant", default="after-addition")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--pixels", required=True)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--output", required=True)
    options = parser.parse_args()

    tensors = read_safetensors(options.weights)
    filters, classes = len(tensors["conv1.weight"]), len(tensors["fc.weight"])
    model = ResNet(options.network, options.variant, filters, classes).eval()
    absent = set(model.load_state_dict(tensors, strict=False).missing_keys)
    assert all(name.endswith("num_batches_tracked") for name in absent), absent
    assert set(tensors) <= set(model.state_dict()), set(tensors) - set(model.state_dict())

    size = options.size
    pixels = numpy.fromfile(options.pixels, numpy.uint8).reshape(-1, size, size, 3)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).double() / 255
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).view(1, 3, 1, 1)
    with torch.inference_mode():
        # float64 throughout: what differs from it is the other implementation's rounding.
        logits = model.double()((images - mean) / std)
    logits.numpy().astype("<f4").tofile(options.output)


if __name__ == "__main__":
    main()
