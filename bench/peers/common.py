"""What every Python peer shares: the model, and the preprocessing its users would write with Pillow.

Environment: BENCH_MODEL (an .onnx of uint8 [N,224,224,3] -> float32 [N,classes]), BENCH_THREADS,
BENCH_BATCH, BENCH_PORT, BENCH_RESIZE and BENCH_FILTER (the manifest's recipe).
"""
import io
import os

import numpy
import onnxruntime
from PIL import Image

CROP = 224
FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def setting(name: str) -> str:
    return os.environ[f"BENCH_{name}"]


def crop_of(encoded: bytes) -> numpy.ndarray:
    """torchvision's Resize and CenterCrop: uint8 [224, 224, 3]."""
    image = Image.open(io.BytesIO(encoded)).convert("RGB")
    short = int(setting("RESIZE"))
    width, height = image.size
    size = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    image = image.resize(size, FILTERS[setting("FILTER")])
    left, top = round((size[0] - CROP) / 2), round((size[1] - CROP) / 2)
    return numpy.asarray(image.crop((left, top, left + CROP, top + CROP)))


def open_session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(setting("THREADS"))
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(setting("MODEL"), options, providers=["CPUExecutionProvider"])


def scores_of(session: onnxruntime.InferenceSession, crops: list) -> numpy.ndarray:
    """float32 [N, classes]"""
    name = session.get_inputs()[0].name
    return session.run(None, {name: numpy.stack(crops)})[0]


def answer_of(scores: numpy.ndarray) -> dict:
    """The five best classes of one image."""
    exponentials = numpy.exp(scores - scores.max())
    probabilities = exponentials / exponentials.sum()
    best = numpy.argsort(-probabilities)[:5]
    return {"predictions": [{"index": int(i), "probability": float(probabilities[i])} for i in best]}
