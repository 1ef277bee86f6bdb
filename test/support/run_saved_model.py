"""Runs SavedModels in TensorFlow, for comparison.

    python3 run_saved_model.py '[{"folder": "models/resnet50/1", "session": true}, ...]'

A job: `folder`; `session`: load as TensorFlow Serving and tfjs-node do, not as tf.saved_model.load;
`pixels`: a file of uint8 [4, S, S, 3], of which a float input gets (pixel * `rescale` - `mean`) / `std`.
Without pixels every input is counted up from 0 in steps of 1/8 (a batch of 2 where it is open).
Prints a line of JSON for each job: {"output": {"shape": [...], "values": [...]}, ...}.
"""
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy
import tensorflow as tf

tf1 = tf.compat.v1


def counting(dtype, shape):
    shape = [2 if size is None or size < 0 else size for size in shape]
    return (numpy.arange(numpy.prod(shape)) / 8).reshape(shape).astype(dtype)


def input_of(job, dtype, shape):
    if "pixels" not in job:
        return counting(dtype, shape)
    pixels = numpy.fromfile(job["pixels"], numpy.uint8).reshape([-1, *shape[1:]])
    if dtype == numpy.uint8:
        return pixels
    return ((pixels * job["rescale"] - job["mean"]) / job["std"]).astype(dtype)


def run_session(job):
    with tf1.Session(graph=tf.Graph()) as session:
        model = tf1.saved_model.load(session, ["serve"], job["folder"])
        signature = model.signature_def["serving_default"]
        feeds = {}
        for info in signature.inputs.values():
            shape = [dim.size for dim in info.tensor_shape.dim]
            feeds[info.name] = input_of(job, tf.as_dtype(info.dtype).as_numpy_dtype, shape)
        return session.run({name: info.name for name, info in signature.outputs.items()}, feeds)


def run_functions(job):
    function = tf.saved_model.load(job["folder"]).signatures["serving_default"]
    _, specs = function.structured_input_signature
    feeds = {
        name: tf.constant(input_of(job, spec.dtype.as_numpy_dtype, spec.shape))
        for name, spec in specs.items()
    }
    return {name: value.numpy() for name, value in function(**feeds).items()}


for job in json.loads(sys.argv[1]):
    outputs = (run_session if job.get("session") else run_functions)(job)
    print(json.dumps({
        name: {"shape": list(value.shape), "values": value.astype(float).reshape(-1).tolist()}
        for name, value in outputs.items()
    }))
