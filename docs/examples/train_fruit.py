"""Trains two small ResNets on pictures that it draws itself, and exports them for resnet-serving.

Run: python train_fruit.py FOLDER [EPOCHS]    Needs: tensorflow (Keras 3), pillow, numpy.
Writes FOLDER/fruit34/1 and FOLDER/fruit50/1 (SavedModels), their model.json and labels.txt, and some
pictures that no model has seen to FOLDER/../pictures.
"""

import json
import math
import pathlib
import random
import sys

import keras
import numpy as np
from keras import layers
from PIL import Image, ImageDraw, ImageFilter

LABELS = ["apple", "banana", "cherries", "kiwi fruit", "lemon", "orange", "plum", "watermelon"]
SIDE = 96


def draw_fruit(label: str, side: int, dice: random.Random) -> Image.Image:
    """A fruit on a table: place, size, colours and light differ from picture to picture."""
    scale = 2  # drawn twice as large and shrunk, for smooth edges
    n = side * scale
    ground = tuple(dice.randint(150, 250) for _ in range(3))
    image = Image.new("RGB", (n, n), ground)
    pen = ImageDraw.Draw(image)
    pen.rectangle([0, n * dice.uniform(0.6, 0.75), n, n], fill=tuple(int(c * 0.8) for c in ground))
    r = n * dice.uniform(0.24, 0.36)
    x, y = n * dice.uniform(0.4, 0.6), n * dice.uniform(0.42, 0.6)
    pen.ellipse([x - r, y + r * 0.72, x + r, y + r * 1.15], fill=tuple(int(c * 0.62) for c in ground))

    def tint(red, green, blue):
        return tuple(max(0, min(255, c + dice.randint(-22, 22))) for c in (red, green, blue))

    def ball(cx, cy, rx, ry, colour):
        for step in range(12):
            share = step / 12
            shade = tuple(int(c + (255 - c) * share * 0.35) for c in colour)
            dx, dy = rx * share * 0.3, ry * share * 0.3
            pen.ellipse(
                [cx - rx + dx * 0.4, cy - ry + dy * 0.4, cx + rx - dx * 2.2, cy + ry - dy * 2.2]
                if step else [cx - rx, cy - ry, cx + rx, cy + ry],
                fill=shade,
            )

    stalk = (84, 58, 34)
    if label == "apple":
        ball(x, y, r, r * 0.95, tint(196, 40, 44) if dice.random() < 0.6 else tint(122, 176, 58))
        pen.line([x, y - r * 0.8, x + r * 0.15, y - r * 1.25], fill=stalk, width=int(r * 0.1))
        pen.ellipse([x + r * 0.1, y - r * 1.3, x + r * 0.65, y - r * 1.0], fill=tint(74, 140, 60))
    elif label == "banana":
        colour = tint(240, 206, 62)
        start = dice.randint(10, 50)
        for width, shade in ((0.52, 0.86), (0.4, 1.0)):
            pen.arc([x - r * 1.2, y - r * 1.5, x + r * 1.2, y + r * 0.8], start, start + 120,
                    fill=tuple(int(c * shade) for c in colour), width=int(r * width))
    elif label == "cherries":
        for side_of in (-1, 1):
            cx, cy = x + side_of * r * 0.6, y + r * 0.45
            pen.line([x, y - r * 1.1, cx, cy], fill=(80, 110, 50), width=int(r * 0.08))
            ball(cx, cy, r * 0.48, r * 0.48, tint(168, 20, 46))
    elif label == "kiwi fruit":
        pen.ellipse([x - r, y - r * 0.9, x + r, y + r * 0.9], fill=tint(120, 86, 50))
        pen.ellipse([x - r * 0.9, y - r * 0.8, x + r * 0.9, y + r * 0.8], fill=tint(140, 186, 62))
        pen.ellipse([x - r * 0.3, y - r * 0.25, x + r * 0.3, y + r * 0.25], fill=(232, 236, 200))
        for spoke in range(20):
            a = spoke * math.pi / 10
            sx, sy = x + math.cos(a) * r * 0.47, y + math.sin(a) * r * 0.42
            pen.ellipse([sx - r * 0.05, sy - r * 0.05, sx + r * 0.05, sy + r * 0.05], fill=(30, 30, 24))
    elif label == "lemon":
        colour = tint(246, 222, 66)
        pen.ellipse([x - r * 1.25, y - r * 0.22, x + r * 1.25, y + r * 0.22], fill=colour)
        ball(x, y, r * 1.02, r * 0.76, colour)
    elif label == "orange":
        ball(x, y, r * 0.98, r * 0.98, tint(240, 140, 30))
        for _ in range(40):
            a, d = dice.uniform(0, 7), r * dice.uniform(0, 0.85)
            px, py = x + math.cos(a) * d, y + math.sin(a) * d
            pen.point([px, py], fill=(205, 110, 20))
        pen.ellipse([x - r * 0.1, y - r * 0.8, x + r * 0.1, y - r * 0.65], fill=(90, 120, 50))
    elif label == "plum":
        ball(x, y, r * 0.8, r * 0.96, tint(88, 44, 116))
        pen.arc([x - r * 0.5, y - r, x + r * 0.3, y + r], 290, 70, fill=(60, 26, 84), width=int(r * 0.07))
    else:  # watermelon: a slice
        for grow, colour in ((1.3, tint(46, 112, 58)), (1.18, (226, 240, 210)), (1.08, tint(224, 62, 74))):
            pen.pieslice([x - r * grow, y - r * grow - r * 0.4, x + r * grow, y + r * grow - r * 0.4],
                         0, 180, fill=colour)
        for seed in range(7):
            sx, sy = x + (seed - 3) * r * 0.28, y - r * 0.2 + (seed % 2) * r * 0.3
            pen.ellipse([sx - r * 0.05, sy, sx + r * 0.05, sy + r * 0.15], fill=(32, 24, 24))
    image = image.rotate(dice.uniform(-14, 14), fillcolor=ground, resample=Image.BILINEAR)
    image = image.filter(ImageFilter.GaussianBlur(scale * 0.5))
    return image.resize((side, side), Image.LANCZOS)


def draw_set(count: int, seed: int):
    dice = random.Random(seed)
    labels = [index % len(LABELS) for index in range(count)]
    pictures = [np.asarray(draw_fruit(LABELS[label], SIDE, dice)) for label in labels]
    return np.stack(pictures).astype(np.float32) / 255, np.asarray(labels)


# The blocks of the original snippets: every convolution with its own ReLU, nothing after the addition.
def convolution(filters, size, strides=1, scale=2.0):
    start = keras.initializers.VarianceScaling(scale, "fan_in")
    return layers.Conv2D(filters, size, strides, "same", activation="relu", kernel_initializer=start)


def residual_block(x, filters, strides=1):
    y = convolution(filters, 3, strides)(x)
    y = convolution(filters, 3, scale=0.1)(y)  # small at first: without normalisation sums would grow
    return layers.Add()([y, shortcut(x, filters, strides)])


def bottleneck_block(x, filters, strides=1):
    y = convolution(filters, 1, strides)(x)
    y = convolution(filters, 3)(y)
    y = convolution(filters * 4, 1, scale=0.1)(y)
    return layers.Add()([y, shortcut(x, filters * 4, strides)])


def shortcut(x, filters, strides):
    if strides == 1 and x.shape[-1] == filters:
        return x
    return layers.Conv2D(filters, 1, strides)(x)


def resnet(block, stem=16):
    images = keras.Input((SIDE, SIDE, 3), name="images")
    x = convolution(stem, 7, 2)(images)
    x = layers.MaxPooling2D(3, 2, "same")(x)
    for group, repeats in enumerate((3, 4, 6, 3)):
        for repeat in range(repeats):
            x = block(x, stem * 2**group, 2 if group > 0 and repeat == 0 else 1)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(len(LABELS), activation="softmax", name="probabilities")(x))


def main():
    folder = pathlib.Path(sys.argv[1])
    epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    keras.utils.set_random_seed(1)
    pictures, labels = draw_set(1600, seed=1)
    unseen, unseen_labels = draw_set(400, seed=2)
    for name, block in (("fruit34", residual_block), ("fruit50", bottleneck_block)):
        model = resnet(block)
        model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(pictures, labels, batch_size=32, epochs=epochs, verbose=2)
        _, accuracy = model.evaluate(unseen, unseen_labels, verbose=0)
        print(f"{name}: {accuracy:.1%} of {len(unseen)} pictures it has not seen")
        model.export(folder / name / "1")
        # What the training did to the pixels: the server does the same.
        preprocess = {"resizeShortSide": SIDE, "cropSize": SIDE, "rescale": 1 / 255,
                      "mean": [0, 0, 0], "std": [1, 1, 1]}
        manifest = {"labels": "labels.txt", "weights": {"kind": "custom"}, "preprocess": preprocess}
        (folder / name / "model.json").write_text(json.dumps(manifest, indent=2))
        (folder / name / "labels.txt").write_text("\n".join(LABELS) + "\n")
    dice = random.Random(3)
    album = folder.parent / "pictures"
    album.mkdir(exist_ok=True)
    for label in LABELS:
        draw_fruit(label, 640, dice).save(album / f"{label.replace(' ', '-')}.jpg", quality=92)


main()
