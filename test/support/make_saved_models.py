"""Writes the SavedModels of test/fixtures/saved-models/ with real TensorFlow, as people export them.

    python3 make_saved_models.py test/fixtures/saved-models

Every variable is filled so that a test can tell it from all others: element i of a variable
is `start + i`, with the starts below. Written with tensorflow-cpu 2.21 (Keras 3.15).
"""
import os
import shutil
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy
import tensorflow as tf

tf1 = tf.compat.v1


def counting(shape, start, dtype="float32"):
    return tf.cast(tf.reshape(tf.range(start, start + int(numpy.prod(shape)), dtype=tf.int32), shape), dtype)


class Functions(tf.Module):
    """Functions three deep, one of them called twice; operators with several outputs; every element type."""

    def __init__(self):
        self.kernel = tf.Variable(counting([1, 1, 3, 4], 10), name="kernel")
        self.half = tf.Variable(counting([4], 20, "float16"), name="half")
        self.brain = tf.Variable(counting([4], 30, "bfloat16"), name="brain")
        self.integers = tf.Variable(counting([4], 40, "int64"), name="integers")
        self.small = tf.Variable(counting([4], 50, "uint8"), name="small")
        self.flags = tf.Variable([True, False, True, True], name="flags")
        self.captured = tf.constant([0.5, 1.5, 2.5, 3.5])

    @tf.function
    def inner(self, x):
        y, mean, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=tf.ones([4]), offset=self.captured, mean=tf.zeros([4]), variance=tf.ones([4]), is_training=False)
        first, second = tf.split(y, 2, axis=3)
        return tf.concat([second, first], 3) + mean

    @tf.function
    def twice(self, x):
        return self.inner(tf.identity(self.inner(x)))

    @tf.function
    def serve(self, images):
        x = self.twice(tf.nn.conv2d(images, self.kernel, 1, "SAME"))
        others = [self.half, self.brain, self.integers, self.small, self.flags]
        logits = tf.reduce_mean(x, [1, 2]) + tf.add_n([tf.cast(other, tf.float32) for other in others])
        return {"logits": logits, "probabilities": tf.nn.softmax(logits)}


def write_functions(folder):
    module = Functions()
    spec = tf.TensorSpec([None, 4, 4, 3], tf.float32, name="images")
    tf.saved_model.save(module, folder, signatures=module.serve.get_concrete_function(spec))


def write_references(folder):
    """TensorFlow 1: reference variables, a resource variable, a Saver; the checkpoint is then cut into two data files."""
    with tf.Graph().as_default():
        x = tf1.placeholder(tf.float32, [None, 2], name="x")
        a = tf1.get_variable("a", initializer=counting([2, 3], 100).eval(session=tf1.Session()), use_resource=False)
        b = tf1.get_variable("b", initializer=counting([3, 3], 200).eval(session=tf1.Session()), use_resource=True)
        scale = tf1.placeholder_with_default(2.0, [], name="scale")
        y = tf.matmul(tf.matmul(x, a), b) * scale
        with tf1.Session() as session:
            session.run(tf1.global_variables_initializer())
            tf1.saved_model.simple_save(session, folder, {"x": x}, {"y": y})
    cut(folder + "/variables/variables")


def cut(prefix):
    """Writes a checkpoint anew with each tensor in a data file of its own, as several hosts would."""
    reader = tf.train.load_checkpoint(prefix)
    parts = []
    for i, key in enumerate(sorted(reader.get_variable_to_shape_map())):
        parts.append(f"{prefix}_part{i}")
        tf.raw_ops.SaveV2(prefix=parts[-1], tensor_names=[key], shape_and_slices=[""], tensors=[reader.get_tensor(key)])
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=prefix + "_merged", delete_old_dirs=False)
    folder = os.path.dirname(prefix)
    for name in os.listdir(folder):
        if "_merged" in name:
            continue
        os.remove(os.path.join(folder, name))
    for name in os.listdir(folder):
        os.rename(os.path.join(folder, name), os.path.join(folder, name.replace("_merged", "")))


def write_twins(folder):
    """Keras 3 with tf.saved_model.save: the functions' variables are not those that are restored."""
    inputs = keras.Input([3])
    model = keras.Model(inputs, keras.layers.Dense(2, name="dense")(inputs))
    model.get_layer("dense").set_weights([counting([3, 2], 300).numpy(), counting([2], 400).numpy()])
    tf.saved_model.save(model, folder)


if __name__ == "__main__":
    target = sys.argv[1]
    for name, write in [("functions", write_functions), ("references", write_references), ("twins", write_twins)]:
        folder = f"{target}/{name}/1"
        shutil.rmtree(folder, ignore_errors=True)
        write(folder)
