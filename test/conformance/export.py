"""Exports one network of keras.applications as a SavedModel, with pixels and TensorFlow's answers.

    python test/conformance/export.py NAME FOLDER

The weights are random, but nothing is left at a value that would hide a mistake: batch-normalisation
statistics come from a forward pass and are then disturbed, scales, offsets and biases are random, and
the classifier is scaled so that the probabilities are neither flat nor all in one class.

FOLDER gets 1/ (the SavedModel), input.u8 (uint8 [4, size, size, 3]), reference.f32 (float32
[4, 1000], little-endian) and network.json (size and normalisation of the pixels).
"""

import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
# The plain kernels: oneDNN's own rounding would only blur the comparison.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import keras
import numpy as np
import tensorflow as tf

# Networks that rescale inside take pixels as they are; the others get -1..1.
CENTRED = {"rescale": 1 / 127.5, "mean": [1, 1, 1], "std": [1, 1, 1]}
AS_THEY_ARE = {"rescale": 1, "mean": [0, 0, 0], "std": [1, 1, 1]}
RESCALING_INSIDE = ("EfficientNet", "MobileNetV3", "ConvNeXt")
IMAGES = 4
# Standard deviation of the logits of an image: a probability of about 0.3 for the best class.
LOGIT_SPREAD = 2.5


def build(name):
    network = getattr(keras.applications, name)
    model = network(weights=None)
    if model.input_shape[1] is not None:
        return model
    # Some networks take any size unless told: a served model has its size in the signature.
    return network(weights=None, input_shape=(224, 224, 3))


def make_pixels(size, random):
    """Smooth coloured noise with some grain, closer to photographs than white noise."""
    coarse = random.uniform(0, 255, (IMAGES, 7, 7, 3)).astype(np.float32)
    smooth = tf.image.resize(coarse, (size, size), "bicubic").numpy()
    return np.clip(smooth + random.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)


def all_layers(model):
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from all_layers(layer)


def disturb(model, x, random):
    """Gives every weight that starts at 0 or 1 a value that matters."""
    layers = list(all_layers(model))
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in layers:
        for weight in layer.weights:
            name = weight.name
            if name in ("gamma", "scale") and weight.ndim == 1:
                # A layer scale (ConvNeXt) starts at 1e-6, which would hide its whole branch.
                weight.assign(random.uniform(0.6, 1.4, weight.shape))
            elif name in ("beta", "bias"):
                weight.assign(random.normal(0, 0.1, weight.shape))
    for layer in norms:
        layer.momentum = 0.0
    if norms:
        model(x, training=True)
    for layer in norms:
        spread = np.sqrt(layer.moving_variance.numpy())
        mean = layer.moving_mean.numpy() + 0.2 * spread * random.normal(0, 1, spread.shape)
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(
            (layer.moving_variance.numpy() + 1e-3) * random.uniform(0.7, 1.4, spread.shape))


def spread_logits(model, x):
    classifier = [layer for layer in model.layers if hasattr(layer, "kernel")][-1]
    for _ in range(40):
        probabilities = model(x, training=False).numpy()
        if probabilities.min() > 1e-25:
            break
        # Too far apart to read the logits from: closer together first.
        classifier.kernel.assign(classifier.kernel.numpy() * 0.3)
    spread = float(np.std(np.log(probabilities), axis=1).mean())
    classifier.kernel.assign(classifier.kernel.numpy() * LOGIT_SPREAD / max(spread, 1e-6))


def main(name, folder):
    folder = pathlib.Path(folder)
    random = np.random.default_rng(7)
    keras.utils.set_random_seed(7)
    model = build(name)
    size = model.input_shape[1]
    preprocess = AS_THEY_ARE if name.startswith(RESCALING_INSIDE) else CENTRED
    pixels = make_pixels(size, random)
    mean, std = (np.array(preprocess[key], np.float32) for key in ("mean", "std"))
    x = (pixels.astype(np.float32) * np.float32(preprocess["rescale"]) - mean) / std
    disturb(model, x, random)
    spread_logits(model, x)
    model.export(str(folder / "1"), verbose=False)
    served = tf.saved_model.load(str(folder / "1")).signatures["serving_default"]
    answer = next(iter(served(tf.constant(x)).values())).numpy()
    pixels.tofile(folder / "input.u8")
    answer.astype("<f4").tofile(folder / "reference.f32")
    (folder / "network.json").write_text(json.dumps(
        {"size": size, "classes": answer.shape[1], "preprocess": preprocess,
         "tensorflow": tf.__version__, "keras": keras.__version__,
         "best": [float(row.max()) for row in answer]}))


main(*sys.argv[1:])
