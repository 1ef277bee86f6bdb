"""Exports SavedModels with pixels and TensorFlow's answers, one after another in one process.

    python test/conformance/export.py FOLDER NAME...      a network of keras.applications, or a case of people.py

After each model a line of JSON goes to standard output, and a line is awaited on standard input:
so the reader says when the next may take disk. FOLDER/NAME gets 1/ (the
SavedModel), input.u8 (uint8 [4, height, width, 3]), reference.f32 (float32 [4, classes]) and
network.json (sizes, what the manifest has to say, and what TensorFlow's answer is).

Weights are random, but nothing is left at a value that would hide a mistake: batch-normalisation
statistics come from a forward pass and are then disturbed, scales, offsets and biases are random,
and the classifier is scaled so that the probabilities are neither flat nor all in one class.
"""

import gc
import json
import os
import pathlib
import sys
import traceback

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
# The plain kernels: oneDNN's own rounding would only blur the comparison.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import families  # noqa: F401 (its cases are added to those of people)
import keras
import kinds  # noqa: F401 (so are these)
import numpy as np
import people
import tensorflow as tf

# Networks that rescale inside take pixels as they are; the others get -1..1.
CENTRED = {"rescale": 1 / 127.5, "mean": [1, 1, 1], "std": [1, 1, 1]}
AS_THEY_ARE = {"rescale": 1, "mean": [0, 0, 0], "std": [1, 1, 1]}
RESCALING_INSIDE = ("EfficientNet", "MobileNetV3", "ConvNeXt")
IMAGES = 4
# Standard deviation of the logits of an image: a probability of about 0.3 for the best class.
LOGIT_SPREAD = 2.5


# Deep networks with random weights can be chaotic: another order of additions changes their answers,
# TensorFlow's own included. Such weights prove nothing and the next seed is taken.
SEEDS = range(7, 17)
MAX_SENSITIVITY = 1e-4


def build(name):
    network = getattr(keras.applications, name)
    model = network(weights=None)
    if model.input_shape[1] is not None:
        return model
    # Some networks take any size unless told: a served model has its size in the signature.
    return network(weights=None, input_shape=(224, 224, 3))


def make_pixels(height, width, random):
    """Smooth coloured noise with some grain, closer to photographs than white noise."""
    coarse = random.uniform(0, 255, (IMAGES, 7, 7, 3)).astype(np.float32)
    smooth = tf.image.resize(coarse, (height, width), "bicubic").numpy()
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


def sensitivity(model, x, random):
    """How far the probabilities move when the pixels move by a millionth of themselves."""
    moved = (x * (1 + 1e-6 * random.standard_normal(x.shape))).astype(np.float32)
    answers = [model(each, training=False).numpy() for each in (x, moved)]
    return float(np.abs(answers[0] - answers[1]).max())


def make_network(name, seed):
    random = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    keras.backend.clear_session()
    model = build(name)
    size = model.input_shape[1]
    preprocess = AS_THEY_ARE if name.startswith(RESCALING_INSIDE) else CENTRED
    pixels = make_pixels(size, size, random)
    x = normalise(pixels, preprocess)
    disturb(model, x, random)
    spread_logits(model, x)
    return model, pixels, preprocess, sensitivity(model, x, random)


def export_network(name, folder):
    for seed in SEEDS:
        model, pixels, preprocess, moved = make_network(name, seed)
        print(f"{name}: seed {seed}, sensitivity {moved:.1e}", file=sys.stderr, flush=True)
        if moved <= MAX_SENSITIVITY:
            break
    else:
        raise RuntimeError(f"no seed of {list(SEEDS)} gives a network whose answers float32 can tell")
    model.export(str(folder / "1"), verbose=False)
    return write(folder, pixels, preprocess, {})


def export_case(name, folder):
    facts = people.CASES[name](str(folder)) or {}
    side = facts.get("cropSize")
    height, width = (side, side) if side else (people.H, people.W)
    pixels = make_pixels(height, width, np.random.default_rng(7))
    return write(folder, pixels, AS_THEY_ARE, facts)


def normalise(pixels, preprocess):
    mean, std = (np.array(preprocess[key], np.float32) for key in ("mean", "std"))
    return (pixels.astype(np.float32) * np.float32(preprocess["rescale"]) - mean) / std


def write(folder, pixels, preprocess, facts):
    if len(facts.get("refusals", {})) > 1:
        # Every engine has to refuse it: there is nothing to ask.
        pixels.tofile(folder / "input.u8")
        (folder / "reference.f32").write_bytes(b"")
        return {"name": folder.name, "height": pixels.shape[1], "width": pixels.shape[2], "classes": 0,
                "kind": "logits", "preprocess": preprocess, **facts, "tensorflow": tf.__version__}
    model = tf.saved_model.load(str(folder / "1"), tags=["serve"])
    signatures = model.signatures
    served = signatures["serving_default"] if "serving_default" in signatures else next(iter(signatures.values()))
    (name, spec), = served.structured_input_signature[1].items()
    x = pixels if spec.dtype.is_integer else normalise(pixels, preprocess)
    if spec.shape.rank == 4 and spec.shape[1] == 3 and spec.shape[3] != 3:
        x = np.ascontiguousarray(np.transpose(x, [0, 3, 1, 2]))
    outputs = {} if "answer" in facts else ask(served, name, x, spec, facts.get("alone"))
    chosen = choose(outputs, facts.get("output"))
    answer = facts["answer"](tf.constant(x)) if "answer" in facts else outputs[chosen]
    answer = tf.reshape(tf.cast(answer, tf.float32), [IMAGES, -1]).numpy()
    pixels.tofile(folder / "input.u8")
    answer.astype("<f4").tofile(folder / "reference.f32")
    sums = np.abs(answer.sum(1) - 1).max() < 0.02 and answer.min() >= 0
    logits = chosen == "logits" or not (sums or (answer.min() >= 0 and answer.max() <= 1))
    facts = {key: value for key, value in facts.items() if key != "answer"}
    return {"name": folder.name, "height": pixels.shape[1], "width": pixels.shape[2], "classes": answer.shape[1],
            "kind": "logits" if logits else "probabilities", "preprocess": preprocess, **facts,
            "tensorflow": tf.__version__, "keras": keras.__version__, "best": [float(row.max()) for row in answer]}


def ask(served, name, x, spec, alone):
    """All images at once, or one by one where the graph computes across a batch or fixes its size."""
    batch = 1 if alone else spec.shape[0] if spec.shape.rank else None
    parts = [x] if batch is None else [x[i:i + batch] for i in range(0, IMAGES, batch)]
    answers = [served(**{name: tf.cast(tf.constant(part), spec.dtype)}) for part in parts]
    return {key: tf.concat([answer[key] for answer in answers], 0) for key in answers[0]}


def choose(outputs, wanted):
    """The output that the service promises to serve (DESIGN, the model repository)."""
    for name in (wanted, "probabilities", "logits"):
        if name in outputs:
            return name
    flat = [name for name, value in outputs.items() if value.shape.rank == 2]
    return flat[0] if len(flat) == 1 else next(iter(outputs), None)


def main(folder, *names):
    for name in names:
        target = pathlib.Path(folder) / name
        target.mkdir(parents=True, exist_ok=True)
        try:
            facts = (export_case if name in people.CASES else export_network)(name, target)
            (target / "network.json").write_text(json.dumps(facts))
            line = {"name": name, "folder": str(target)}
        except Exception as error:
            traceback.print_exc()
            line = {"name": name, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(line), flush=True)
        gc.collect()
        if not sys.stdin.readline():
            return


if sys.argv[1:] == ["--list"]:
    print(json.dumps(list(people.CASES)))
else:
    main(*sys.argv[1:])
