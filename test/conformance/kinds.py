"""More kinds of exports, as people have them: element types of signatures, vision transformers and
other newer networks, preprocessing in the graph, and exports that no image service can feed.

Cases are functions as in people.py. {"refusals": {engine: pattern}} says that an engine has to refuse
the model, in words that match.
"""

import keras
import numpy as np
import tensorflow as tf
from people import (CASES, H, L, W, Small, case, disturb, export, keras2, keras_small, policy, random, save, scaled,
                    spec, variable, weights)

# What the service says of a signature that it cannot feed, and how it names the engine that can.
NO_TEXT = "takes encoded images or tf.Example records; this service decodes images itself"
USE_TENSORFLOW = "The tensorflow engine, which is installed, can run it"


def refused(onnxruntime, tensorflow):
    return {"refusals": {"onnxruntime": onnxruntime, "tensorflow": tensorflow}}


# --- element types of the signature ---

def typed_input(dtype):
    def write(folder):
        m = Small()
        save(m, lambda x: tf.nn.softmax(m.logits(tf.cast(x, tf.float32) / 255.0)), folder, spec(dtype))
        # A half cannot tell 253 of 256 steps apart only where the service normalises: here it gets whole pixels.
        return {}
    return write


def typed_output(dtype, tolerance=None):
    def write(folder):
        m = Small()
        save(m, lambda x: {"probabilities": tf.cast(tf.nn.softmax(m.logits(scaled(x))), dtype)}, folder, spec(tf.uint8))
        return {} if tolerance is None else {"tolerance": tolerance}
    return write


for name in ("bfloat16", "float64", "int64", "int16", "uint16", "uint32", "uint64"):
    CASES[f"input-of-{name}"] = typed_input(getattr(tf, name))
CASES["output-of-bfloat16"] = typed_output(tf.bfloat16, 8e-3)
CASES["output-of-float64"] = typed_output(tf.float64)


@case
def half_throughout(folder):
    """Input, weights, computation and output in half precision, as exported for a GPU."""
    m = Small(dtype=tf.float16)
    save(m, lambda x: {"logits": m.logits(x / 255.0)}, folder, spec(tf.float16))
    return {"tolerance": 1e-2}


@case
def other_types_beside(folder):
    """Outputs and signatures that are not served may be of any type."""
    m = Small()
    def f(x):
        p = tf.nn.softmax(m.logits(scaled(x)))
        return {"probabilities": p, "half": tf.cast(p, tf.float16), "best": tf.cast(tf.argmax(p, 1), tf.uint16),
                "sure": p > 0.5, "names": tf.as_string(tf.argmax(p, 1))}
    served = tf.function(f, input_signature=[spec(tf.uint8)])
    other = tf.function(lambda x: {"y": tf.cast(x, tf.int8)}, input_signature=[tf.TensorSpec([None, 4], tf.bfloat16)])
    m.served, m.other = served, other
    tf.saved_model.save(m, f"{folder}/1", signatures={"serving_default": served, "other": other})


@case
def bool_input(folder):
    """No pixels: black and white as truths."""
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(tf.cast(x, tf.float32))), folder, spec(tf.bool))
    return refused("its input \"images\" is bool", "input images is bool .*of integers or floats")


@case
def class_numbers_only(folder):
    m = Small()
    save(m, lambda x: {"classes": tf.argmax(m.logits(scaled(x)), 1)}, folder, spec(tf.uint8))
    return refused("classes", "gives classes int64")


# --- exports for TensorFlow Serving, and others that take no pixels ---

@case
def jpeg_strings(folder):
    """Encoded photographs as text, decoded one by one in the graph."""
    m = Small()
    def decode(text):
        x = tf.io.decode_image(text, 3, expand_animations=False)
        return tf.image.resize(tf.cast(x, tf.float32), [H, W])
    def f(x):
        images = tf.map_fn(decode, x, fn_output_signature=tf.TensorSpec([H, W, 3], tf.float32))
        return {"probabilities": tf.nn.softmax(m.logits(images / 255.0))}
    save(m, f, folder, tf.TensorSpec([None], tf.string, name="image_bytes"))
    return refused(NO_TEXT, NO_TEXT)


@case
def tf_example_strings(folder):
    """A TensorFlow 1 estimator's serving signature: serialised tf.Example records."""
    m = Small()
    def f(x):
        parsed = tf.io.parse_example(x, {"image": tf.io.FixedLenFeature([H * W * 3], tf.float32)})
        return {"scores": tf.nn.softmax(m.logits(tf.reshape(parsed["image"], [-1, H, W, 3])))}
    save(m, f, folder, tf.TensorSpec([None], tf.string, name="examples"))
    return refused(NO_TEXT, NO_TEXT)


@case
def grey_input(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(tf.repeat(tf.cast(x, tf.float32), 3, -1))), folder,
         tf.TensorSpec([None, H, W, 1], tf.uint8, name="grey"))
    return refused(r"expected an image input .*, found grey", r"input grey is uint8 \[\?, 40, 48, 1\]")


@case
def rgba_input(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(tf.cast(x[..., :3], tf.float32))), folder,
         tf.TensorSpec([None, H, W, 4], tf.uint8, name="rgba"))
    return refused(r"expected an image input .*, found rgba", r"input rgba is uint8 \[\?, 40, 48, 4\]")


@case
def channels_first_input(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(tf.transpose(x, [0, 2, 3, 1]) / 255.0)), folder,
         tf.TensorSpec([None, 3, H, W], tf.float32, name="images"))


@case
def pixel_values_of_any_size(folder):
    """As Hugging Face exports networks that come from PyTorch: channels first, height and width open."""
    m = Small()
    def f(pixel_values):
        x = tf.transpose(pixel_values, (0, 2, 3, 1))
        x = tf.pad(x, [[0, 0], [3, 3], [3, 3], [0, 0]])
        return {"logits": m.logits(x / 255.0), "last_hidden_state": tf.transpose(x, (0, 3, 1, 2))}
    save(m, f, folder, tf.TensorSpec([None, 3, None, None], tf.float32, name="pixel_values"))
    return {"cropSize": 64}


@case
def image_and_phase_inputs(folder):
    """A second input that says whether it is training, without a default."""
    m = Small()
    def f(images, training):
        x = scaled(images)
        return {"probabilities": tf.nn.softmax(m.logits(tf.cond(training, lambda: x * 0.9, lambda: x)))}
    m.served = tf.function(f, input_signature=[spec(tf.uint8), tf.TensorSpec([], tf.bool, name="training")])
    tf.saved_model.save(m, f"{folder}/1", signatures=m.served)
    return refused("training", "takes images, training")


@case
def feature_vector_map(folder):
    """A network without its head gives maps, which are no classes."""
    m = Small()
    save(m, lambda x: {"features": m.features(scaled(x))}, folder, spec(tf.uint8))
    return refused(r"features.*\[batch, ", r"it gives features float32 \[\?, 10, 12, 16\]")


@case
def feature_vector(folder):
    """Without its head, pooled: one number a feature is served as if it were a class."""
    m = Small()
    save(m, lambda x: {"feature_vector": tf.reduce_mean(m.features(scaled(x)), [1, 2])}, folder, spec(tf.uint8))


# --- TensorFlow Hub, keyword arguments, several endpoints ---

@case
def hub_module(folder):
    """The form of TensorFlow Hub: a callable with a training argument, 0..1 floats, 1001 logits."""
    class Hub(tf.Module):
        def __init__(self):
            super().__init__()
            self.net = Small(1001)
        @tf.function(input_signature=[spec(name="inputs"), tf.TensorSpec([], tf.bool)])
        def __call__(self, inputs, training=False):
            x = inputs * 2.0 - 1.0
            return self.net.logits(tf.cond(training, lambda: tf.nn.dropout(x, 0.2), lambda: x))
    m = Hub()
    @tf.function(input_signature=[spec(name="inputs")])
    def serving(inputs):
        return {"logits": m(inputs / 255.0, training=False)}
    m.serving = serving
    tf.saved_model.save(m, f"{folder}/1", signatures={"serving_default": serving})


@case
def keyword_arguments(folder):
    m = Small()
    m.served = tf.function(lambda *, photo, temperature=2.0: {"scores": tf.nn.softmax(m.logits(scaled(photo)) / temperature)})
    concrete = m.served.get_concrete_function(photo=spec(tf.uint8, name="photo"))
    tf.saved_model.save(m, f"{folder}/1", signatures={"serving_default": concrete})


@case
def logits_probabilities_and_classes(folder):
    m = Small(1000)
    names = tf.constant([f"class {i}" for i in range(1000)])
    def f(x):
        z = m.logits(scaled(x))
        best = tf.argmax(z, 1)
        return {"logits": z, "probabilities": tf.nn.softmax(z), "classes": best, "class_names": tf.gather(names, best)}
    save(m, f, folder, spec(tf.uint8))


@case
def class_names_in_assets(folder):
    """A vocabulary file and a lookup table beside the scores."""
    import pathlib
    vocabulary = pathlib.Path(folder) / "class_names.txt"
    vocabulary.write_text("".join(f"name {i}\n" for i in range(10)))
    m = Small()
    m.asset = tf.saved_model.Asset(str(vocabulary))
    m.table = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(
        m.asset, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE), "?")
    def f(x):
        p = tf.nn.softmax(m.logits(tf.cast(x, tf.float32) / 255.0))
        return {"probabilities": tf.cast(p, tf.float16), "label": m.table.lookup(tf.argmax(p, 1))}
    save(m, f, folder, spec(tf.float16))
    return {"tolerance": 2e-3}


@case
def keras_export_several_endpoints(folder):
    model = keras_small(L.Rescaling(1 / 255))
    archive = keras.export.ExportArchive()
    archive.track(model)
    shape = [tf.TensorSpec([None, H, W, 3], tf.float32)]
    archive.add_endpoint("call", lambda x: model(x, training=False), shape)
    archive.add_endpoint("serving_default", lambda x: {"probabilities": model(x, training=False)}, shape)
    archive.add_endpoint("embed", lambda x: model(x, training=False) * 2.0, shape)
    archive.write_out(f"{folder}/1", verbose=False)


@case
def keras_subclassed(folder):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.scale, self.a, self.norm, self.b = L.Rescaling(1 / 255), L.Conv2D(8, 3, strides=2), L.BatchNormalization(), L.Conv2D(8, 3)
            self.drop, self.pool, self.top = L.Dropout(0.4), L.GlobalAveragePooling2D(), L.Dense(10, activation="softmax")
        def call(self, x, training=False):
            x = keras.ops.relu(self.norm(self.a(self.scale(x)), training=training))
            x = x if keras.ops.shape(x)[1] < 4 else keras.ops.silu(self.b(x))
            return self.top(self.drop(self.pool(x), training=training))
    model = Net()
    model(np.zeros((1, H, W, 3), np.float32))
    disturb(model)
    model.export(f"{folder}/1", verbose=False, input_signature=[keras.InputSpec(shape=(None, H, W, 3), dtype="float32", name="images")])


def keras2_subclassed(k):
    class Net(k.Model):
        def __init__(self):
            super().__init__()
            self.a, self.norm = k.layers.Conv2D(8, 3, strides=2), k.layers.BatchNormalization()
            self.pool, self.top = k.layers.GlobalMaxPooling2D(), k.layers.Dense(10)
        @tf.function
        def call(self, x, training=False):
            x = tf.nn.relu6(self.norm(self.a(x / 127.5 - 1.0), training=training))
            return {"logits": self.top(self.pool(x)), "features": x}
    model = Net()
    model.predict(np.zeros((1, H, W, 3), np.float32), verbose=0)
    return model


CASES["keras2-subclassed"] = keras2(keras2_subclassed)


# --- newer networks ---

def window_attention(x, qkv, proj, bias, heads):
    """x [windows, tokens, channels]"""
    n, c = x.shape[1], x.shape[2]
    y = tf.reshape(tf.matmul(x, qkv), [-1, n, 3, heads, c // heads])
    q, k, v = tf.unstack(tf.transpose(y, [2, 0, 3, 1, 4]))
    scores = tf.matmul(q * (c // heads) ** -0.5, k, transpose_b=True) + bias[None]
    y = tf.matmul(tf.nn.softmax(scores), v)
    return tf.matmul(tf.reshape(tf.transpose(y, [0, 2, 1, 3]), [-1, n, c]), proj)


@case
def swin_shifted_windows(folder):
    """Patches, layer normalisation, windows of 4x4 tokens shifted by a roll, patch merging."""
    m = Small()
    c, heads, window, shift = 16, 2, 4, 2
    m.stem, m.qkv, m.proj, m.bias = variable(5, 6, 3, c), variable(c, 3 * c), variable(c, c), variable(heads, 16, 16)
    m.table = tf.Variable(weights(49, heads))
    index = random.integers(0, 49, (16, 16)).astype(np.int32)
    m.merge, m.top = variable(4 * c, 2 * c), variable(2 * c, 10)
    norm = lambda x: (x - tf.reduce_mean(x, -1, keepdims=True)) * tf.math.rsqrt(tf.math.reduce_variance(x, -1, keepdims=True) + 1e-5)
    def f(x):
        x = tf.nn.conv2d(scaled(x), m.stem, [1, 5, 6, 1], "VALID")  # [n, 8, 8, c]
        shortcut = x
        x = tf.roll(norm(x), [-shift, -shift], [1, 2])
        x = tf.reshape(x, [-1, 8 // window, window, 8 // window, window, c])
        x = tf.reshape(tf.transpose(x, [0, 1, 3, 2, 4, 5]), [-1, window * window, c])
        bias = m.bias + tf.transpose(tf.reshape(tf.gather(m.table, tf.reshape(index, [-1])), [16, 16, heads]), [2, 0, 1])
        x = window_attention(x, m.qkv, m.proj, bias, heads)
        x = tf.reshape(x, [-1, 8 // window, 8 // window, window, window, c])
        x = tf.reshape(tf.transpose(x, [0, 1, 3, 2, 4, 5]), [-1, 8, 8, c])
        x = shortcut + tf.roll(x, [shift, shift], [1, 2])
        x = tf.concat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1)
        return tf.nn.softmax(tf.matmul(tf.reduce_mean(tf.matmul(norm(x), m.merge), [1, 2]), m.top))
    save(m, f, folder, spec(tf.uint8))


@case
def attention_by_einsum(folder):
    m = Small()
    c, heads, d = 16, 4, 4
    m.q, m.k, m.v, m.o = variable(c, heads, d), variable(c, heads, d), variable(c, heads, d), variable(heads, d, c)
    m.cls, m.pos = tf.Variable(weights(1, 1, c)), tf.Variable(weights(1, 31, c))
    m.stem, m.top = variable(8, 8, 3, c), variable(c, 10)
    def f(x):
        x = tf.nn.conv2d(scaled(x), m.stem, 8, "VALID")
        x = tf.reshape(x, [tf.shape(x)[0], -1, c])
        x = tf.concat([tf.tile(m.cls, [tf.shape(x)[0], 1, 1]), x], 1) + m.pos
        q, k, v = (tf.einsum("ntc,chd->nthd", x, w) for w in (m.q, m.k, m.v))
        a = tf.nn.softmax(tf.einsum("nqhd,nkhd->nhqk", q, k) / 2.0)
        x = x + tf.einsum("nqhd,hdc->nqc", tf.einsum("nhqk,nkhd->nqhd", a, v), m.o)
        return tf.nn.softmax(tf.matmul(x[:, 0], m.top))
    save(m, f, folder, spec(tf.uint8))


@case
def keras_deit_class_and_distillation_tokens(folder):
    class Tokens(L.Layer):
        def build(self, shape):
            self.tokens = self.add_weight(shape=(1, 2, shape[-1]), name="tokens")
            self.position = self.add_weight(shape=(1, shape[1] + 2, shape[-1]), name="position")
        def call(self, x):
            n = keras.ops.shape(x)[0]
            return keras.ops.concatenate([keras.ops.broadcast_to(self.tokens, (n, 2, x.shape[-1])), x], 1) + self.position
    inputs = keras.Input((H, W, 3))
    x = L.Reshape((-1, 16))(L.Conv2D(16, 8, strides=8)(L.Rescaling(1 / 127.5, -1)(inputs)))
    x = Tokens()(x)
    for _ in range(2):
        y = L.LayerNormalization()(x)
        x = L.Add()([x, L.MultiHeadAttention(4, 4, dropout=0.1)(y, y)])
        y = L.Dense(16)(L.Dropout(0.1)(L.Dense(32, activation=lambda z: keras.activations.gelu(z, approximate=True))(L.LayerNormalization()(x))))
        x = L.Add()([x, y])
    x = L.LayerNormalization()(x)
    heads = [L.Dense(10)(L.Lambda(lambda t, i=i: t[:, i])(x)) for i in (0, 1)]
    model = keras.Model(inputs, L.Softmax()(L.Average()(heads)))
    disturb(model)
    export(model, folder)


@case
def mlp_mixer(folder):
    inputs = keras.Input((H, W, 3))
    x = L.Reshape((30, 16))(L.Conv2D(16, 8, strides=8)(L.Rescaling(1 / 255)(inputs)))
    for _ in range(2):
        y = L.Permute((2, 1))(L.LayerNormalization()(x))
        y = L.Dense(30)(L.Dense(24, activation="gelu")(y))
        x = x + L.Permute((2, 1))(y)
        x = x + L.Dense(16)(L.Dense(32, activation="gelu")(L.LayerNormalization()(x)))
    model = keras.Model(inputs, L.Dense(10, activation="softmax")(L.GlobalAveragePooling1D()(L.LayerNormalization()(x))))
    disturb(model)
    export(model, folder)


@case
def mobile_block_with_efficient_channel_attention(folder):
    """Inverted residual, hard swish, squeeze and excite with hard sigmoid, ECA by a Conv1D, stochastic depth."""
    class StochasticDepth(L.Layer):
        def call(self, x, training=False):
            if not training:
                return x
            keep = keras.random.uniform((keras.ops.shape(x)[0], 1, 1, 1)) > 0.2
            return x * keras.ops.cast(keep, x.dtype) / 0.8
    inputs = keras.Input((H, W, 3))
    x = L.Conv2D(8, 3, strides=2, padding="same")(L.Rescaling(1 / 127.5, -1)(inputs))
    y = L.Activation("hard_silu")(L.BatchNormalization()(L.Conv2D(24, 1, use_bias=False)(x)))
    y = L.Activation("hard_silu")(L.BatchNormalization()(L.DepthwiseConv2D(5, padding="same", use_bias=False)(y)))
    s = L.Conv2D(24, 1, activation="hard_sigmoid")(L.Conv2D(6, 1, activation="relu")(L.GlobalAveragePooling2D(keepdims=True)(y)))
    y = L.BatchNormalization()(L.Conv2D(8, 1, use_bias=False)(y * s))
    x = L.Add()([x, StochasticDepth()(y)])
    e = L.Conv1D(1, 3, padding="same", use_bias=False, activation="sigmoid")(L.Reshape((8, 1))(L.GlobalAveragePooling2D()(x)))
    x = L.Multiply()([x, L.Reshape((1, 1, 8))(e)])
    model = keras.Model(inputs, L.Dense(10, activation="softmax")(L.GlobalAveragePooling2D()(x)))
    disturb(model)
    export(model, folder)


@case
def activations_by_hand(folder):
    """Mish, GELU by tanh and by erf, hard swish by ReLU6, PReLU by arithmetic, as old code spells them."""
    m = Small()
    m.slope, m.mid = tf.Variable(weights(8)), variable(1, 1, 8, 8)
    def f(x):
        x = tf.nn.conv2d(scaled(x), m.k1, 2, "SAME")
        x = tf.nn.relu(x) + m.slope * (x - tf.abs(x)) * 0.5
        x = tf.nn.conv2d(x * tf.tanh(tf.math.log(1.0 + tf.exp(x))), m.mid, 1, "SAME")
        x = tf.nn.conv2d(0.5 * x * (1.0 + tf.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * tf.pow(x, 3)))), m.mid, 1, "SAME")
        x = tf.nn.conv2d(0.5 * x * (1.0 + tf.math.erf(x / np.sqrt(2.0))), m.mid, 1, "SAME")
        x = tf.nn.conv2d(x * tf.nn.relu6(x + 3.0) / 6.0, m.mid, 1, "SAME")
        x = x * tf.sigmoid(1.702 * x)
        return tf.nn.softmax(tf.matmul(tf.reduce_mean(tf.nn.conv2d(x, m.k2, 2, "SAME"), [1, 2]), m.k3))
    save(m, f, folder, spec(tf.uint8))


@case
def depth_to_space_and_channel_shuffle(folder):
    m = Small()
    m.a, m.b = variable(3, 3, 3, 16), variable(3, 3, 4, 8)
    def f(x):
        x = tf.nn.conv2d(scaled(x), m.a, 2, "SAME")
        x = tf.nn.depth_to_space(x, 2)  # [n, H, W, 4]
        x = tf.nn.relu(tf.nn.conv2d(x, m.b, 2, "SAME"))
        s = tf.shape(x)
        x = tf.reshape(tf.transpose(tf.reshape(x, [s[0], s[1], s[2], 2, 4]), [0, 1, 2, 4, 3]), [s[0], s[1], s[2], 8])
        a, b = tf.split(x, 2, -1)
        x = tf.concat([tf.nn.max_pool2d(a, 3, 1, "SAME"), b], -1)
        return tf.nn.softmax(tf.matmul(tf.reduce_mean(tf.nn.conv2d(x, m.k2, 2, "SAME"), [1, 2]), m.k3))
    save(m, f, folder, spec(tf.uint8))


@case
def quantisation_aware_leftovers(folder):
    """Ranges as variables, weights quantised a channel, activations by moving averages."""
    m = Small()
    m.low, m.high = tf.Variable(-1.0), tf.Variable(1.0)
    m.klow, m.khigh = tf.Variable([-0.9] * 8), tf.Variable([0.9] * 8)
    m.alow, m.ahigh, m.step = tf.Variable(0.0), tf.Variable(6.0), tf.Variable(3, dtype=tf.int64)
    def f(x):
        x = tf.quantization.fake_quant_with_min_max_vars(scaled(x), m.low, m.high)
        k = tf.quantization.fake_quant_with_min_max_vars_per_channel(m.k1, m.klow, m.khigh, num_bits=8, narrow_range=True)
        x = tf.nn.relu6(tf.nn.bias_add(tf.nn.conv2d(x, k, 2, "SAME"), m.b1))
        x = tf.quantization.fake_quant_with_min_max_vars(x, m.alow, m.ahigh)
        x = tf.nn.relu(tf.nn.conv2d(x, m.k2, 2, "SAME"))
        x = tf.quantization.quantize_and_dequantize_v2(x, 0.0, 8.0, range_given=True, signed_input=False)
        return tf.nn.softmax(tf.matmul(tf.reduce_mean(x, [1, 2]), m.k3))
    save(m, f, folder, spec(tf.uint8))
    return {"tolerance": 5e-3}


# --- preprocessing in the graph, sizes, batches ---

@case
def keras_mixed_bfloat16_whole(folder):
    """The policy for the last layer as well: the scores are bfloat16."""
    with policy("mixed_bfloat16"):
        export(keras_small(L.Rescaling(1 / 255)), folder)
    return {"tolerance": 3e-2}


@case
def keras_mixed_float16_whole(folder):
    with policy("mixed_float16"):
        export(keras_small(L.Rescaling(1 / 255)), folder)
    return {"tolerance": 8e-3}


def keras_of_size(side):
    def write(folder):
        export(keras_small(L.Rescaling(1 / 127.5, -1), shape=(side, side, 3), classes=1001), folder)
        return {"cropSize": side}
    return write


for side in (299, 331, 384):
    CASES[f"keras-{side}-pixels"] = keras_of_size(side)


@case
def batch_of_one_float(folder):
    m = Small()
    save(m, lambda x: {"logits": tf.reshape(m.logits(x / 127.5 - 1.0), [1, 10])}, folder, spec(batch=1))


@case
def batch_of_eight(folder):
    """A graph for exactly eight images: four are filled up."""
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(scaled(x))), folder, spec(tf.uint8, batch=8))
    return {"answer": lambda x: tf.nn.softmax(m.logits(scaled(x)))}


@case
def central_crop_and_imagenet_statistics(folder):
    m = Small()
    def f(x):
        x = tf.image.convert_image_dtype(tf.image.central_crop(x, 0.875), tf.float32)
        x = tf.image.resize(x, [H, W], method="bilinear", antialias=True)
        x = (x - tf.constant([0.485, 0.456, 0.406])) / tf.constant([0.229, 0.224, 0.225])
        return tf.nn.softmax(m.logits(tf.image.resize_with_crop_or_pad(x, 36, 52)))
    save(m, f, folder, spec(tf.uint8))


@case
def hue_saturation_and_yuv(folder):
    m = Small()
    def f(x):
        x = tf.image.convert_image_dtype(x, tf.float32)
        x = tf.image.rgb_to_yuv(x)
        return tf.nn.softmax(m.logits(tf.image.yuv_to_rgb(x * [1.0, 0.8, 0.8])))
    save(m, f, folder, spec(tf.uint8))


@case
def five_crops_averaged(folder):
    """Test-time augmentation: four corners and the centre, as one batch inside."""
    m = Small()
    def f(x):
        x = scaled(x)
        crops = [x[:, :32, :36], x[:, :32, 12:], x[:, 8:, :36], x[:, 8:, 12:], x[:, 4:36, 6:42]]
        y = tf.nn.softmax(m.logits(tf.reshape(tf.stack(crops, 1), [-1, 32, 36, 3])))
        return tf.reduce_mean(tf.reshape(y, [-1, 5, 10]), 1)
    save(m, f, folder, spec(tf.uint8))


@case
def keras_channels_first_inside(folder):
    """NCHW traced from Keras layers: TensorFlow's CPU cannot compute it."""
    m = Small()
    m.d = variable(3, 3, 8, 1)
    def f(x, layout):
        first = layout == "NCHW"
        four = lambda n: [1, 1, n, n] if first else [1, n, n, 1]
        x = tf.transpose(scaled(x), [0, 3, 1, 2]) if first else scaled(x)
        x = tf.nn.conv2d(tf.pad(x, [[0, 0], [0, 0], [1, 1], [1, 1]] if first else [[0, 0], [1, 1], [1, 1], [0, 0]]),
                         m.k1, four(2), "VALID", data_format=layout)
        x = tf.nn.relu6(tf.nn.bias_add(x, m.b1, data_format=layout))
        x = tf.nn.depthwise_conv2d(x, m.d, four(1), "SAME", data_format=layout)
        x = tf.nn.avg_pool2d(tf.concat([x, tf.nn.swish(x)], 1 if first else 3), 2, 2, "VALID", data_format=layout)
        x = x * tf.sigmoid(tf.reduce_mean(x, [2, 3] if first else [1, 2], keepdims=True))
        return tf.nn.softmax(tf.matmul(tf.reduce_max(x, [2, 3] if first else [1, 2]), m.k3))
    save(m, lambda x: f(x, "NCHW"), folder, spec(tf.uint8))
    return {"answer": lambda x: f(x, "NHWC"), "only": "onnxruntime"}


@case
def recurrent_over_rows(folder):
    """A GRU over the rows of the image: a loop, which only TensorFlow runs."""
    inputs = keras.Input((H, W, 3))
    x = L.Reshape((H, W * 3))(L.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, L.Dense(10, activation="softmax")(L.GRU(8)(x)))
    disturb(model)
    export(model, folder)
    return {"refusals": {"onnxruntime": USE_TENSORFLOW}}


@case
def soft_nearest_neighbours(folder):
    """Similarities to stored embeddings, the best of which vote."""
    m = Small()
    m.bank, m.votes = tf.Variable(weights(64, 16)), tf.one_hot(random.integers(0, 10, 64), 10)
    def f(x):
        e = tf.math.l2_normalize(tf.reduce_mean(m.features(scaled(x)), [1, 2]), -1)
        values, indices = tf.math.top_k(tf.matmul(e, tf.math.l2_normalize(m.bank, -1), transpose_b=True), 8)
        w = tf.nn.softmax(values * 5.0)
        return {"scores": tf.reduce_sum(w[..., None] * tf.gather(m.votes, indices), 1)}
    save(m, f, folder, spec(tf.uint8))
