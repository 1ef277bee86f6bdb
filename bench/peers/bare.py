"""Bare engine loops in Python: no HTTP, no decoding but where asked. Reads one task a line, writes one figure a line.

Started as `bare.py onnxruntime|openvino|tensorflow|pillow`. A task is {"batch": 8, "seconds": 2}.
"""
import json
import os
import sys
import time

import numpy

threads = int(os.environ["BENCH_THREADS"])


def onnxruntime_loop():
    from common import open_session, scores_of

    session = open_session()
    return lambda pixels: scores_of(session, list(pixels))


def openvino_loop():
    import openvino

    core = openvino.Core()
    hints = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(os.environ["BENCH_MODEL"], "CPU", hints).create_infer_request()
    return lambda pixels: request.infer([pixels])


def tensorflow_loop():
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    model = tensorflow.saved_model.load(os.environ["BENCH_SAVED_MODEL"])
    serve = model.signatures["serving_default"]
    name = next(iter(serve.structured_input_signature[1]))
    return lambda pixels: serve(**{name: tensorflow.constant(pixels)})


def pillow_loop():
    from common import crop_of

    images = [open(path, "rb").read() for path in os.environ["BENCH_IMAGES"].split(os.pathsep)]
    return lambda pixels: [crop_of(images[i % len(images)]) for i in range(len(pixels))]


run = {"onnxruntime": onnxruntime_loop, "openvino": openvino_loop, "tensorflow": tensorflow_loop, "pillow": pillow_loop}[sys.argv[1]]()
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    task = json.loads(line)
    pixels = numpy.random.default_rng(1).integers(0, 256, (task["batch"], 224, 224, 3), dtype=numpy.uint8)
    run(pixels)
    started = time.perf_counter()
    runs = 0
    while time.perf_counter() - started < task["seconds"]:
        run(pixels)
        runs += 1
    seconds = time.perf_counter() - started
    print(json.dumps({"imagesPerSecond": runs * task["batch"] / seconds, "medianMs": 1000 * seconds / runs}), flush=True)
