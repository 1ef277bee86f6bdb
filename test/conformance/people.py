"""Small classifiers exported in the ways people really export them: name -> function(folder).

Each function writes `folder/1` (a SavedModel) and may return {"output": …, "size": …} where the
manifest has to say something. export.py asks TensorFlow for the answers.
"""

import contextlib
import os
import shutil

import keras
import numpy as np
import tensorflow as tf

random = np.random.default_rng(3)
L = keras.layers
H, W = 40, 48
CASES = {}


def case(function):
    CASES[function.__name__.replace("_", "-")] = function
    return function


def weights(*shape, dtype=tf.float32):
    fan_in = max(int(np.prod(shape[:-1])), 1)
    values = random.normal(0, 1.6 / np.sqrt(fan_in), shape)
    return tf.constant(values.astype(np.float32), dtype)


def positive(*shape):
    return tf.constant(random.uniform(0.5, 1.5, shape).astype(np.float32))


def spec(dtype=tf.float32, height=H, width=W, batch=None, name="images"):
    return tf.TensorSpec([batch, height, width, 3], dtype, name=name)


def variable(*shape, dtype=tf.float32):
    return tf.Variable(weights(*shape, dtype=dtype))


class Small(tf.Module):
    """Convolution, batch normalisation, pooling, dense: what the other cases vary."""

    def __init__(self, classes=10, dtype=tf.float32):
        super().__init__()
        self.k1, self.b1 = variable(3, 3, 3, 8, dtype=dtype), variable(8, dtype=dtype)
        self.k2 = variable(3, 3, 8, 16, dtype=dtype)
        self.scale, self.offset = tf.Variable(positive(16)), variable(16)
        self.mean, self.variance = variable(16), tf.Variable(positive(16))
        self.k3, self.b3 = variable(16, classes, dtype=dtype), variable(classes, dtype=dtype)

    def features(self, x):
        x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, tf.cast(self.k1, x.dtype), 2, "SAME"), tf.cast(self.b1, x.dtype)))
        x = tf.nn.conv2d(x, tf.cast(self.k2, x.dtype), 2, "SAME")
        x, *_ = tf.compat.v1.nn.fused_batch_norm(
            x, self.scale, self.offset, self.mean, self.variance, is_training=False)
        return tf.nn.relu(x)

    def logits(self, x):
        x = tf.reduce_mean(self.features(x), [1, 2])
        return tf.matmul(x, tf.cast(self.k3, x.dtype)) + tf.cast(self.b3, x.dtype)


def scaled(x):
    return tf.cast(x, tf.float32) / 127.5 - 1.0


def save(module, function, folder, input_spec=None, **options):
    module.served = tf.function(function, input_signature=[input_spec or spec()])
    tf.saved_model.save(module, f"{folder}/1", signatures=module.served, **options)


def keras_small(*before, top=None, classes=10, shape=(H, W, 3), inside=()):
    """A Keras network with `before` in front and `inside` between its convolutions."""
    inputs = keras.Input(shape)
    x = inputs
    for layer in before:
        x = layer(x)
    x = L.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = L.BatchNormalization()(x)
    for layer in inside or (L.ReLU(),):
        x = layer(x)
    x = L.GlobalAveragePooling2D()(x)
    x = (top or L.Dense(classes, activation="softmax"))(x)
    model = keras.Model(inputs, x)
    disturb(model)
    return model


def disturb(model):
    for weight in model.weights:
        if weight.dtype not in ("float32", "float16", "bfloat16"):
            continue
        if "variance" in weight.name or weight.name in ("gamma", "scale"):
            weight.assign(random.uniform(0.5, 1.5, weight.shape))
        else:
            weight.assign(random.normal(0, 1.2 / np.sqrt(max(np.prod(weight.shape[:-1]), 1)), weight.shape))


def export(model, folder):
    model.export(f"{folder}/1", verbose=False)


# --- tf.Module ---

@case
def module_one_unnamed_output(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(x / 255.0)), folder)


@case
def module_logits_unnamed(folder):
    m = Small()
    save(m, lambda x: m.logits(x / 64.0), folder)


@case
def module_two_outputs(folder):
    m = Small(1000)
    def f(x):
        logits = m.logits(scaled(x))
        return {"logits": logits, "probabilities": tf.nn.softmax(logits)}
    save(m, f, folder, spec(tf.uint8))


@case
def module_logits_and_embedding(folder):
    m = Small(7)
    def f(x):
        x = scaled(x)
        return {"embedding": tf.reduce_mean(m.features(x), [1, 2]), "logits": m.logits(x)}
    save(m, f, folder, spec(tf.uint8))


@case
def module_scores_and_classes(folder):
    """The only output of rank 2 is meant; a rank-1 class number stands beside it."""
    m = Small(1001)
    def f(x):
        scores = tf.nn.softmax(m.logits(scaled(x)))
        return {"classes": tf.argmax(scores, 1), "scores": scores}
    save(m, f, folder, spec(tf.uint8))


@case
def module_top_k_beside(folder):
    m = Small(12)
    def f(x):
        p = tf.nn.softmax(m.logits(scaled(x)))
        values, indices = tf.math.top_k(p, 3)
        return {"probabilities": p, "top_values": values, "top_indices": indices}
    save(m, f, folder, spec(tf.uint8))


@case
def module_named_output_in_manifest(folder):
    m = Small(10)
    def f(x):
        logits = m.logits(scaled(x))
        return {"first": tf.nn.softmax(logits), "second": tf.nn.softmax(logits * 2.0)}
    save(m, f, folder, spec(tf.uint8))
    return {"output": "second"}


@case
def softmax_in_pieces(folder):
    m = Small()
    def f(x):
        e = tf.exp(m.logits(scaled(x)) - tf.reduce_max(m.logits(scaled(x)), -1, keepdims=True))
        return e / tf.reduce_sum(e, -1, keepdims=True)
    save(m, f, folder, spec(tf.uint8))


@case
def ensemble_of_two_softmaxes(folder):
    m = Small()
    n = Small()
    m.other = n
    save(m, lambda x: (tf.nn.softmax(m.logits(scaled(x))) + tf.nn.softmax(n.logits(scaled(x)))) / 2.0,
         folder, spec(tf.uint8))


@case
def flip_augmented(folder):
    m = Small()
    def f(x):
        x = scaled(x)
        return tf.nn.softmax(m.logits(x)) * 0.5 + 0.5 * tf.nn.softmax(m.logits(tf.image.flip_left_right(x)))
    save(m, f, folder, spec(tf.uint8))


@case
def sigmoid_multilabel(folder):
    m = Small(20)
    save(m, lambda x: tf.sigmoid(m.logits(scaled(x))), folder, spec(tf.uint8))


@case
def temperature_and_half_output(folder):
    m = Small(10)
    save(m, lambda x: tf.cast(tf.nn.softmax(m.logits(scaled(x)) / 1.7), tf.float16), folder, spec(tf.uint8))
    return {"tolerance": 2e-3}


@case
def softmax_over_pixels_shape(folder):
    """[N, 1, 1, classes], as convolutional classifiers give them."""
    m = Small(10)
    save(m, lambda x: tf.reshape(tf.nn.softmax(m.logits(scaled(x))), [-1, 1, 1, 10]), folder, spec(tf.uint8))


@case
def unknown_rank_output(folder):
    m = Small(10)
    def f(x):
        y = tf.nn.softmax(m.logits(scaled(x)))
        return tf.compat.v1.placeholder_with_default(y, shape=None)
    save(m, f, folder, spec(tf.uint8))


@case
def nested_functions(folder):
    m = Small()
    inner = tf.function(lambda x: m.features(x))
    middle = tf.function(lambda x: tf.reduce_mean(inner(x), [1, 2]))
    save(m, lambda x: tf.nn.softmax(tf.matmul(middle(scaled(x)), m.k3) + m.b3), folder, spec(tf.uint8))


@case
def several_signatures(folder):
    m = Small()
    a = tf.function(lambda x: {"probabilities": tf.nn.softmax(m.logits(scaled(x)))}, input_signature=[spec(tf.uint8)])
    b = tf.function(lambda x: {"features": m.features(x)}, input_signature=[spec()])
    m.a, m.b = a, b
    tf.saved_model.save(m, f"{folder}/1", signatures={"serving_default": a, "features": b})


@case
def other_signature_name(folder):
    m = Small()
    a = tf.function(lambda x: {"scores": tf.nn.softmax(m.logits(scaled(x)))}, input_signature=[spec(tf.uint8)])
    m.a = a
    tf.saved_model.save(m, f"{folder}/1", signatures={"predict": a})


@case
def fixed_batch(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(scaled(x))), folder, spec(tf.uint8, batch=1))


@case
def int32_input(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(scaled(x))), folder, spec(tf.int32))


@case
def half_input(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(tf.cast(x, tf.float32) / 255.0)), folder, spec(tf.float16))


@case
def bfloat16_weights(folder):
    m = Small(dtype=tf.bfloat16)
    save(m, lambda x: tf.nn.softmax(m.logits(scaled(x))), folder, spec(tf.uint8))


@case
def half_weights(folder):
    m = Small(dtype=tf.float16)
    save(m, lambda x: tf.nn.softmax(m.logits(scaled(x))), folder, spec(tf.uint8))


@case
def half_computation(folder):
    m = Small(dtype=tf.float16)
    def f(x):
        x = tf.cast(scaled(x), tf.float16)
        return tf.cast(tf.nn.softmax(m.logits(x)), tf.float32)
    save(m, f, folder, spec(tf.uint8))
    return {"tolerance": 1e-2}


@case
def frozen_variables_as_constants(folder):
    m = Small()
    concrete = tf.function(lambda x: {"probabilities": tf.nn.softmax(m.logits(scaled(x)))},
                           input_signature=[spec(tf.uint8)]).get_concrete_function()
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
    frozen = convert_variables_to_constants_v2(concrete)
    holder = tf.Module()
    holder.f = tf.function(lambda x: {"probabilities": frozen(x)[0]}, input_signature=[spec(tf.uint8)])
    tf.saved_model.save(holder, f"{folder}/1", signatures=holder.f)


# --- sizes and preprocessing in the graph ---

@case
def any_height_and_width(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(scaled(x))), folder, spec(tf.uint8, None, None))
    return {"cropSize": 64}


@case
def any_size_resized_inside(folder):
    m = Small()
    def f(x):
        x = tf.image.resize(tf.cast(x, tf.float32), (H, W))
        return tf.nn.softmax(m.logits((x / 255.0 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]))
    save(m, f, folder, spec(tf.uint8, None, None))
    return {"cropSize": 90}


@case
def any_size_size_arithmetic(folder):
    """Central crop by arithmetic on the shape, then a resize, as in tf.image.central_crop."""
    m = Small()
    def f(x):
        s = tf.shape(x)
        side = tf.minimum(s[1], s[2])
        x = tf.image.crop_to_bounding_box(x, (s[1] - side) // 2, (s[2] - side) // 2, side, side)
        return tf.nn.softmax(m.logits(scaled(tf.image.resize(x, [H, H]))))
    save(m, f, folder, spec(tf.uint8, None, None))
    return {"cropSize": 64}


@case
def resize_nearest_inside(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(scaled(tf.image.resize(x, (30, 20), "nearest")))), folder, spec(tf.uint8))


@case
def resize_bicubic_inside(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(scaled(tf.image.resize(x, (64, 33), "bicubic")))), folder, spec(tf.uint8))


@case
def resize_antialias_inside(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(scaled(tf.image.resize(x, (19, 23), antialias=True)))), folder, spec(tf.uint8))


@case
def resize_area_inside(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(scaled(tf.image.resize(x, (16, 17), "area")))), folder, spec(tf.uint8))


@case
def resize_lanczos_inside(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(scaled(tf.image.resize(x, (29, 60), "lanczos3")))), folder, spec(tf.uint8))


@case
def resize_with_pad_inside(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(scaled(tf.image.resize_with_pad(x, 48, 48)))), folder, spec(tf.uint8))


@case
def per_image_standardization(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(tf.image.per_image_standardization(x))), folder, spec(tf.uint8))


@case
def convert_image_dtype(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(tf.image.convert_image_dtype(x, tf.float32))), folder, spec(tf.uint8))


@case
def grey_inside(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(scaled(x))))),
         folder, spec(tf.uint8))


@case
def caffe_bgr_mean(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits((tf.reverse(x, [-1]) - [103.939, 116.779, 123.68]) / 64.0)), folder)


@case
def channel_swap_by_split(folder):
    m = Small()
    def f(x):
        r, g, b = tf.split(scaled(x), 3, axis=-1)
        return tf.nn.softmax(m.logits(tf.concat([b, g, r], -1)))
    save(m, f, folder, spec(tf.uint8))


@case
def gamma_and_saturation(folder):
    m = Small()
    def f(x):
        x = tf.image.convert_image_dtype(x, tf.float32)
        x = tf.image.adjust_brightness(tf.image.adjust_gamma(x, 0.8), 0.05)
        return tf.nn.softmax(m.logits(tf.clip_by_value(x, 0.0, 1.0)))
    save(m, f, folder, spec(tf.uint8))


@case
def adjust_contrast(folder):
    m = Small()
    save(m, lambda x: tf.nn.softmax(m.logits(tf.image.adjust_contrast(scaled(x), 1.3))), folder, spec(tf.uint8))


@case
def map_fn_over_images(folder):
    """A loop: no engine but TensorFlow's own runs it."""
    m = Small()
    def f(x):
        y = tf.map_fn(lambda image: tf.image.per_image_standardization(image), tf.cast(x, tf.float32))
        return tf.nn.softmax(m.logits(tf.reshape(y, [-1, H, W, 3])))
    save(m, f, folder, spec(tf.uint8))
    return {"refusals": {"onnxruntime": "The tensorflow engine, which is installed, can run it"}}


@case
def vectorized_map(folder):
    m = Small()
    def f(x):
        y = tf.vectorized_map(lambda image: image * 2.0 - 1.0, tf.cast(x, tf.float32) / 255.0)
        return tf.nn.softmax(m.logits(y))
    save(m, f, folder, spec(tf.uint8))


@case
def a_condition_that_is_known(folder):
    m = Small()
    training = tf.constant(False)
    def f(x):
        x = tf.cond(training, lambda: tf.image.flip_up_down(scaled(x)), lambda: scaled(x))
        return tf.nn.softmax(m.logits(x))
    save(m, f, folder, spec(tf.uint8))


@case
def a_condition_on_the_pixels(folder):
    m = Small()
    def f(x):
        x = tf.cast(x, tf.float32)
        x = tf.cond(tf.reduce_max(x) > 1.0, lambda: x / 255.0, lambda: x)
        return tf.nn.softmax(m.logits(x))
    save(m, f, folder)
    return {"alone": True, "refusals": {"onnxruntime": "The tensorflow engine, which is installed, can run it"}}


@case
def asserted_range(folder):
    m = Small()
    def f(x):
        x = tf.cast(x, tf.float32)
        tf.debugging.assert_greater_equal(x, 0.0)
        with tf.control_dependencies([tf.debugging.assert_rank(x, 4)]):
            x = tf.debugging.check_numerics(tf.identity(x), "pixels") / 255.0
        return tf.nn.softmax(m.logits(x))
    save(m, f, folder, spec(tf.uint8))


# --- layouts and operators ---

@case
def nchw_convolutions(folder):
    """Traced for a GPU: TensorFlow's CPU kernels cannot compute it, so the answers are the NHWC twin's."""
    m = Small()
    def f(x, layout):
        axes = {"NCHW": [2, 3], "NHWC": [1, 2]}[layout]
        x = tf.transpose(scaled(x), [0, 3, 1, 2]) if layout == "NCHW" else scaled(x)
        s = [1, 1, 2, 2] if layout == "NCHW" else [1, 2, 2, 1]
        x = tf.nn.bias_add(tf.nn.conv2d(x, m.k1, s, "SAME", data_format=layout), m.b1, data_format=layout)
        x = tf.nn.max_pool(tf.nn.relu(x), [1, 1, 2, 2] if layout == "NCHW" else [1, 2, 2, 1], s, "SAME", data_format=layout)
        x = tf.nn.conv2d(x, m.k2, s, "SAME", data_format=layout)
        x, *_ = tf.compat.v1.nn.fused_batch_norm(x, m.scale, m.offset, m.mean, m.variance,
                                                 is_training=False, data_format=layout)
        x = tf.reduce_mean(tf.nn.relu(x), axes)
        return tf.nn.softmax(tf.matmul(x, m.k3) + m.b3)
    save(m, lambda x: f(x, "NCHW"), folder, spec(tf.uint8))
    return {"answer": lambda x: f(x, "NHWC"), "only": "onnxruntime"}


@case
def grouped_dilated_depthwise(folder):
    m = tf.Module()
    m.a, m.b, m.c, m.d = variable(3, 3, 3, 12), variable(3, 3, 4, 12), variable(5, 5, 12, 2), variable(24, 10)
    def f(x):
        x = tf.nn.relu6(tf.nn.conv2d(scaled(x), m.a, [1, 2, 1, 1], "VALID"))
        x = tf.nn.silu(tf.nn.conv2d(x, m.b, 1, "SAME", dilations=[1, 2, 2, 1]))
        x = tf.nn.leaky_relu(tf.nn.depthwise_conv2d(x, m.c, [1, 1, 1, 1], "SAME", dilations=[2, 2]))
        return tf.nn.softmax(tf.matmul(tf.reduce_mean(x, [1, 2]), m.d))
    save(m, f, folder, spec(tf.uint8))


@case
def separable_and_transposed(folder):
    m = tf.Module()
    m.a, m.b, m.c, m.d = variable(3, 3, 3, 2), variable(1, 1, 6, 8), variable(3, 3, 4, 8), variable(4, 10)
    def f(x):
        x = tf.nn.separable_conv2d(scaled(x), m.a, m.b, [1, 2, 2, 1], "SAME")
        x = tf.nn.conv2d_transpose(x, m.c, [tf.shape(x)[0], H, W, 4], 2, "SAME")
        return tf.nn.softmax(tf.matmul(tf.reduce_max(tf.nn.elu(x), [1, 2]), m.d))
    save(m, f, folder, spec(tf.uint8))


@case
def local_response_normalization(folder):
    m = Small()
    def f(x):
        x = tf.nn.lrn(tf.nn.relu(tf.nn.conv2d(scaled(x), m.k1, 2, "SAME")), 2, bias=1.0, alpha=2e-2, beta=0.75)
        return tf.nn.softmax(tf.matmul(tf.reduce_mean(tf.nn.relu(tf.nn.conv2d(x, m.k2, 1, "SAME")), [1, 2]), m.k3))
    save(m, f, folder, spec(tf.uint8))


@case
def normalised_embedding_cosine(folder):
    m = Small()
    def f(x):
        e = tf.math.l2_normalize(tf.reduce_mean(m.features(scaled(x)), [1, 2]), -1)
        return tf.nn.softmax(10.0 * tf.matmul(e, tf.math.l2_normalize(m.k3, 0)))
    save(m, f, folder, spec(tf.uint8))


@case
def nearest_prototypes(folder):
    """Distances to class centres, as few-shot classifiers have them."""
    m = Small()
    def f(x):
        e = tf.reduce_mean(m.features(scaled(x)), [1, 2])
        d = tf.reduce_sum(tf.square(e[:, None, :] - tf.transpose(m.k3)[None]), -1)
        return tf.nn.softmax(-d)
    save(m, f, folder, spec(tf.uint8))


@case
def fake_quantised(folder):
    m = Small()
    def f(x):
        x = tf.quantization.fake_quant_with_min_max_args(scaled(x), -1.0, 1.0)
        k = tf.quantization.fake_quant_with_min_max_vars_per_channel(m.k1, [-0.9] * 8, [0.8] * 8, narrow_range=True)
        x = tf.nn.relu6(tf.nn.conv2d(x, k, 2, "SAME"))
        x = tf.quantization.fake_quant_with_min_max_vars(x, 0.0, 6.0)
        return tf.nn.softmax(tf.matmul(tf.reduce_mean(tf.nn.conv2d(x, m.k2, 2, "SAME"), [1, 2]), m.k3))
    save(m, f, folder, spec(tf.uint8))
    return {"tolerance": 2e-3}


@case
def assorted_arithmetic(folder):
    m = Small()
    def f(x):
        x = tf.nn.relu(tf.nn.conv2d(scaled(x), m.k1, 2, "SAME"))
        x = tf.math.divide_no_nan(x, tf.math.cumsum(x, axis=-1) + 0.1) + tf.sin(x) * tf.cos(x) + tf.math.log1p(x) - tf.math.expm1(-x)
        x = tf.where(tf.not_equal(x, 0.0), x, tf.ones_like(x)) + tf.math.floormod(x, 0.3) + tf.tan(x * 0.1) + tf.atan(x)
        x = tf.roll(x, 1, axis=1) + tf.math.xlogy(x, x + 1.0)
        return tf.nn.softmax(tf.matmul(tf.reduce_mean(tf.nn.conv2d(x, m.k2, 2, "SAME"), [1, 2]), m.k3))
    save(m, f, folder, spec(tf.uint8))


@case
def masks_and_one_hot(folder):
    m = Small()
    def f(x):
        z = m.logits(scaled(x))
        best = tf.one_hot(tf.argmax(z, -1), 10)
        z = z + best * 0.5 + tf.cast(tf.reduce_any(z > 1.0, -1, keepdims=True), tf.float32)
        z = z - tf.reduce_logsumexp(z, -1, keepdims=True)
        return tf.exp(z)
    save(m, f, folder, spec(tf.uint8))


@case
def gem_pooling(folder):
    m = Small()
    def f(x):
        x = tf.pow(tf.reduce_mean(tf.pow(tf.maximum(m.features(scaled(x)), 1e-6), 3.0), [1, 2]), 1.0 / 3.0)
        return tf.nn.softmax(tf.matmul(x, m.k3))
    save(m, f, folder, spec(tf.uint8))


@case
def spatial_pyramid(folder):
    m = Small()
    m.top = variable(16 * 5, 10)
    def f(x):
        x = m.features(scaled(x))
        x = x[:, :8, :12]
        one = tf.reduce_max(x, [1, 2])
        four = tf.reshape(tf.nn.max_pool2d(x, (4, 6), (4, 6), "VALID"), [-1, 64])
        return tf.nn.softmax(tf.matmul(tf.concat([one, four], 1), m.top))
    save(m, f, folder, spec(tf.uint8))


@case
def space_to_depth_stem(folder):
    m = Small()
    m.k0 = variable(3, 3, 12, 3)
    save(m, lambda x: tf.nn.softmax(m.logits(tf.nn.conv2d(tf.nn.space_to_depth(scaled(x), 2), m.k0, 1, "SAME"))),
         folder, spec(tf.uint8))


@case
def group_norm_by_hand(folder):
    m = Small()
    def f(x):
        x = tf.nn.conv2d(scaled(x), m.k1, 2, "SAME")
        s = tf.shape(x)
        g = tf.reshape(x, [s[0], s[1], s[2], 2, 4])
        mean, variance = tf.nn.moments(g, [1, 2, 4], keepdims=True)
        x = tf.reshape((g - mean) / tf.sqrt(variance + 1e-5), s)
        return tf.nn.softmax(tf.matmul(tf.reduce_mean(tf.nn.conv2d(tf.nn.relu(x), m.k2, 2, "SAME"), [1, 2]), m.k3))
    save(m, f, folder, spec(tf.uint8))


@case
def blur_pool_reflect(folder):
    m = Small()
    blur = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / 16
    kernel = tf.constant(np.tile(blur[:, :, None, None], (1, 1, 8, 1)))
    def f(x):
        x = tf.nn.relu(tf.nn.conv2d(scaled(x), m.k1, 1, "SAME"))
        x = tf.nn.depthwise_conv2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT"), kernel, [1, 2, 2, 1], "VALID")
        return tf.nn.softmax(tf.matmul(tf.reduce_mean(tf.nn.conv2d(x, m.k2, 2, "SAME"), [1, 2]), m.k3))
    save(m, f, folder, spec(tf.uint8))


@case
def conv3d_and_conv1d(folder):
    m = Small()
    m.k1d = variable(5, 3, 8)
    def f(x):
        x = tf.reduce_mean(scaled(x), 1)  # [n, W, 3]
        x = tf.nn.relu(tf.nn.conv1d(x, m.k1d, 2, "SAME"))
        x = tf.expand_dims(x, 1)
        return tf.nn.softmax(tf.matmul(tf.reduce_mean(tf.nn.conv2d(x, m.k2, 1, "SAME"), [1, 2]), m.k3))
    save(m, f, folder, spec(tf.uint8))


# --- checkpoints ---

@case
def sharded_checkpoint(folder):
    m = Small()
    options = tf.saved_model.SaveOptions(experimental_sharding_callback=tf.train.experimental.MaxShardSizePolicy(
        max_shard_size=1500))
    save(m, lambda x: tf.nn.softmax(m.logits(scaled(x))), folder, spec(tf.uint8), options=options)


def v1(build, save_it):
    def write(folder):
        graph = tf.Graph()
        with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
            x, y = build()
            session.run(tf.compat.v1.global_variables_initializer())
            save_it(session, x, y, f"{folder}/1")
            shutil.rmtree(f"{folder}/tmp", ignore_errors=True)
    return write


def v1_network(use_resource, dtype=tf.uint8, learning_phase=False, partitioner=None):
    def build():
        v = tf.compat.v1
        x = v.placeholder(dtype, [None, H, W, 3], name="input")
        y = tf.cast(x, tf.float32) / 127.5 - 1.0
        phase = v.placeholder_with_default(False, [], name="keras_learning_phase") if learning_phase else None
        with v.variable_scope("net", use_resource=use_resource, partitioner=partitioner):
            def var(name, *shape, initial=None):
                fan_in = int(np.prod(shape[:-1]))
                value = random.normal(0, 1.6 / np.sqrt(fan_in), shape).astype(np.float32) if initial is None else initial
                if partitioner is not None:
                    return v.get_variable(name, shape, initializer=v.random_normal_initializer(0, 0.3, seed=len(name)))
                return v.get_variable(name, initializer=value)
            y = tf.nn.relu(tf.nn.conv2d(y, var("k1", 3, 3, 3, 8), 2, "SAME"))
            if phase is not None:
                trained = y
                y = v.cond(phase, lambda: tf.nn.dropout(trained, rate=0.5), lambda: tf.identity(trained))
            y = tf.nn.conv2d(y, var("k2", 3, 3, 8, 16), 2, "SAME")
            y, *_ = v.nn.fused_batch_norm(y, var("s", 16, initial=positive_value(16)) if partitioner is None else tf.ones([16]),
                                          tf.zeros([16]), tf.zeros([16]), tf.ones([16]), is_training=False)
            y = tf.reduce_mean(tf.nn.relu(y), [1, 2])
            logits = tf.matmul(y, var("k3", 16, 1001))
        return x, {"probabilities": tf.nn.softmax(logits, name="softmax"), "logits": logits}
    return build


def positive_value(*shape):
    return random.uniform(0.5, 1.5, shape).astype(np.float32)


def simple_save(session, x, y, path):
    tf.compat.v1.saved_model.simple_save(session, path, {"image": x}, y)


def builder_save(session, x, y, path):
    v = tf.compat.v1.saved_model
    builder = v.Builder(path)
    info = {key: v.build_tensor_info(value) for key, value in y.items()}
    signature = v.build_signature_def({"input": v.build_tensor_info(x)}, info, "tensorflow/serving/predict")
    builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature}, clear_devices=True)
    builder.add_meta_graph(["serve", "gpu"], {"serving_default": signature})
    builder.save()


def frozen_save(session, x, y, path):
    v = tf.compat.v1
    names = {key: value.op.name for key, value in y.items()}
    frozen = v.graph_util.convert_variables_to_constants(session, session.graph_def, list(names.values()))
    with tf.Graph().as_default() as graph, v.Session(graph=graph) as other:
        v.import_graph_def(frozen, name="")
        outputs = {key: graph.get_tensor_by_name(f"{name}:0") for key, name in names.items()}
        v.saved_model.simple_save(other, path, {"image": graph.get_tensor_by_name("input:0")}, outputs)


def without_control_flow_v2(write):
    """Conditionals as Switch and Merge, as TensorFlow 1 and Keras 2.2 wrote them."""
    def wrapped(folder):
        tf.compat.v1.disable_control_flow_v2()
        try:
            return write(folder)
        finally:
            tf.compat.v1.enable_control_flow_v2()
    return wrapped


CASES["tf1-switch-and-merge"] = without_control_flow_v2(v1(v1_network(False, learning_phase=True), simple_save))
CASES["tf1-frozen-switch-and-merge"] = without_control_flow_v2(v1(v1_network(True, learning_phase=True), frozen_save))
CASES["tf1-ref-variables"] = v1(v1_network(False), simple_save)
CASES["tf1-resource-variables"] = v1(v1_network(True), simple_save)
CASES["tf1-two-meta-graphs"] = v1(v1_network(False, tf.float32), builder_save)
CASES["tf1-frozen"] = v1(v1_network(False), frozen_save)
CASES["tf1-learning-phase"] = v1(v1_network(False, learning_phase=True), simple_save)
CASES["tf1-frozen-learning-phase"] = v1(v1_network(True, learning_phase=True), frozen_save)
CASES["tf1-partitioned-variables"] = v1(
    v1_network(False, partitioner=tf.compat.v1.fixed_size_partitioner(2)), simple_save)


# --- Keras ---

@case
def keras_rescaling(folder):
    export(keras_small(L.Rescaling(1 / 127.5, offset=-1)), folder)


@case
def keras_normalization(folder):
    norm = L.Normalization(mean=[120.0, 110.0, 100.0], variance=[3000.0, 3300.0, 3600.0])
    export(keras_small(norm), folder)


@case
def keras_adapted_normalization(folder):
    norm = L.Normalization()
    norm.adapt(random.uniform(0, 255, (8, H, W, 3)).astype(np.float32))
    export(keras_small(norm), folder)


@case
def keras_resizing_centre_crop(folder):
    """Keras 3 traces a functional model that begins with Resizing in training mode: batch statistics."""
    export(keras_small(L.Resizing(36, 44), L.CenterCrop(32, 32), L.Rescaling(1 / 255)), folder)
    return {"alone": True}


@case
def keras_resizing_any_size(folder):
    export(keras_small(L.Resizing(36, 44, interpolation="bicubic"), L.Rescaling(1 / 255), shape=(None, None, 3)), folder)
    return {"cropSize": 50, "alone": True}


@case
def keras_augmentation_layers(folder):
    model = keras_small(L.Rescaling(1 / 255), L.RandomFlip(), L.RandomRotation(0.1), L.RandomZoom(0.2),
                        L.RandomContrast(0.2), L.RandomTranslation(0.1, 0.1), L.GaussianNoise(0.3))
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", lambda x: model(x, training=False), [spec()])
    archive.write_out(f"{folder}/1", verbose=False)


@case
def keras_activations(folder):
    export(keras_small(L.Rescaling(1 / 255), inside=(
        L.Activation("gelu"), L.Conv2D(8, 1), L.Activation("silu"), L.Conv2D(8, 1), L.Activation("hard_silu"),
        L.Conv2D(8, 1), L.Activation("hard_sigmoid"), L.Conv2D(8, 1), L.PReLU(shared_axes=[1, 2]), L.Conv2D(8, 1), L.Activation("mish"),
        L.Conv2D(8, 1), L.ELU(), L.Conv2D(8, 1), L.Activation("selu"), L.Conv2D(8, 1), L.LeakyReLU(), L.Dropout(0.5))), folder)


@case
def keras_activations_rare(folder):
    export(keras_small(L.Rescaling(1 / 255), inside=(
        L.Activation("celu"), L.Conv2D(8, 1), L.Activation("hard_tanh"),
        L.Conv2D(8, 1), L.Activation("log_sigmoid"), L.Conv2D(8, 1), L.Activation("soft_shrink"), L.Conv2D(8, 1),
        L.Activation("hard_shrink"), L.Conv2D(8, 1), L.Activation("squareplus"), L.Conv2D(8, 1), L.Activation("tanh_shrink"),
        L.Conv2D(8, 1), L.Activation("sparse_plus"), L.PReLU())), folder)


@case
def keras_norms(folder):
    export(keras_small(L.Rescaling(1 / 64, offset=-2), inside=(
        L.LayerNormalization(), L.Conv2D(8, 3), L.GroupNormalization(4), L.ReLU(max_value=6, negative_slope=0.1),
        L.Conv2D(8, 3), L.UnitNormalization(), L.Conv2D(8, 3, groups=2), L.BatchNormalization(scale=False, center=False),
        L.Conv2D(8, 3, dilation_rate=2), L.RMSNormalization())), folder)


@case
def keras_layers_of_shape(folder):
    export(keras_small(L.Rescaling(1 / 64, offset=-2), inside=(
        L.ZeroPadding2D(((1, 2), (0, 3))), L.Cropping2D(1), L.UpSampling2D(2), L.SeparableConv2D(8, 3, strides=2, padding="same"),
        L.Conv2DTranspose(8, 3, strides=2, padding="same"), L.DepthwiseConv2D(3, depth_multiplier=2), L.AveragePooling2D(3, 2, "same"),
        L.UpSampling2D(2, interpolation="bilinear"), L.Permute((2, 1, 3)), L.Conv2D(8, 3), L.MaxPooling2D(3, 2, "same"), L.SpatialDropout2D(0.2))), folder)


@case
def keras_flatten_dense(folder):
    inputs = keras.Input((H, W, 3))
    x = L.Conv2D(4, 3, strides=2, activation="relu")(L.Rescaling(1 / 255)(inputs))
    x = L.Dense(6, activation="relu")(L.Flatten()(x))
    x = L.Dropout(0.5)(L.BatchNormalization()(x))
    model = keras.Model(inputs, L.Softmax()(L.Dense(10)(x)))
    disturb(model)
    export(model, folder)


@case
def keras_squeeze_excite(folder):
    inputs = keras.Input((H, W, 3))
    x = L.Conv2D(8, 3, padding="same")(L.Rescaling(1 / 255)(inputs))
    s = L.GlobalAveragePooling2D(keepdims=True)(x)
    s = L.Conv2D(8, 1, activation="sigmoid")(L.Conv2D(2, 1, activation="swish")(s))
    y = L.Multiply()([x, s])
    y = L.Add()([y, x])
    y = L.Concatenate()([y, L.Average()([x, y]), L.Maximum()([x, y]), L.Subtract()([x, y])])
    model = keras.Model(inputs, L.Dense(10, activation="softmax")(L.GlobalMaxPooling2D()(y)))
    disturb(model)
    export(model, folder)


@case
def keras_vision_transformer(folder):
    inputs = keras.Input((H, W, 3))
    x = L.Conv2D(16, 8, strides=8)(L.Rescaling(1 / 127.5, -1)(inputs))
    x = L.Reshape((-1, 16))(x)
    x = x + L.Embedding(30, 16)(np.arange(30)[None])
    for _ in range(2):
        y = L.LayerNormalization(epsilon=1e-6)(x)
        x = x + L.MultiHeadAttention(2, 8)(y, y)
        y = L.LayerNormalization(epsilon=1e-6)(x)
        x = x + L.Dense(16)(L.Dense(32, activation="gelu")(y))
    model = keras.Model(inputs, L.Dense(10, activation="softmax")(L.GlobalAveragePooling1D()(x)))
    disturb(model)
    export(model, folder)


@case
def keras_logits(folder):
    export(keras_small(L.Rescaling(1 / 255), top=L.Dense(10)), folder)


@case
def keras_1001_classes(folder):
    export(keras_small(L.Rescaling(1 / 255), classes=1001), folder)


@case
def keras_binary_sigmoid(folder):
    export(keras_small(L.Rescaling(1 / 255), top=L.Dense(1, activation="sigmoid")), folder)


@case
def keras_two_classes(folder):
    export(keras_small(L.Rescaling(1 / 255), classes=2), folder)


@case
def keras_two_heads(folder):
    base = keras_small(L.Rescaling(1 / 255))
    x = base.layers[-2].output
    model = keras.Model(base.input, {"colour": L.Dense(4, activation="softmax")(x), "kind": L.Dense(6, activation="softmax")(x)})
    disturb(model)
    export(model, folder)
    return {"output": "kind"}


@contextlib.contextmanager
def policy(name):
    """Layers made in it compute in other types."""
    keras.mixed_precision.set_global_policy(name)
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy("float32")


@case
def keras_mixed_bfloat16(folder):
    with policy("mixed_bfloat16"):
        export(keras_small(L.Rescaling(1 / 255), top=L.Dense(10, activation="softmax", dtype="float32")), folder)
    return {"tolerance": 2e-2}


@case
def keras_mixed_float16(folder):
    with policy("mixed_float16"):
        export(keras_small(L.Rescaling(1 / 255), top=L.Dense(10, activation="softmax", dtype="float32")), folder)
    return {"tolerance": 5e-3}


@case
def keras3_saved_not_exported(folder):
    """The session API finds no variables in this form: the tensorflow engine runs it with constants."""
    tf.saved_model.save(keras_small(L.Rescaling(1 / 255)), f"{folder}/1")


@case
def keras_export_archive(folder):
    model = keras_small()
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", lambda x: {"logits": model(tf.cast(x, tf.float32) / 255.0)},
                         [tf.TensorSpec([None, H, W, 3], tf.uint8)])
    archive.add_endpoint("raw", model.call, [tf.TensorSpec([None, H, W, 3], tf.float32)])
    archive.write_out(f"{folder}/1", verbose=False)
    return {"softmaxNamedLogits": True}


@case
def keras_wrapped_in_module(folder):
    model = keras_small()
    module = tf.Module()
    module.model = model
    module.vs = [v.value for v in model.variables]
    save(module, lambda x: {"probabilities": model(tf.cast(x, tf.float32) / 255.0, training=False)}, folder, spec(tf.uint8))


@case
def keras_jit_compiled(folder):
    m = Small()
    inner = tf.function(lambda x: tf.nn.softmax(m.logits(scaled(x))), jit_compile=True)
    save(m, inner, folder, spec(tf.uint8))


def keras2(build):
    """Keras 2 (package tf_keras), saved by model.save or tf.saved_model.save."""
    def write(folder):
        import tf_keras
        model = build(tf_keras)
        for weight in model.weights:
            good = random.uniform(0.5, 1.5, weight.shape) if "variance" in weight.name or "gamma" in weight.name \
                else random.normal(0, 1.2 / np.sqrt(max(np.prod(weight.shape[:-1]), 1)), weight.shape)
            weight.assign(good)
        model.save(f"{folder}/1", save_format="tf")
    return write


def keras2_sequential(k):
    return k.Sequential([
        k.layers.Rescaling(1 / 255, input_shape=(H, W, 3)), k.layers.Conv2D(8, 3, strides=2), k.layers.BatchNormalization(),
        k.layers.ReLU(6), k.layers.DepthwiseConv2D(3), k.layers.Activation("swish"), k.layers.Flatten(), k.layers.Dropout(0.5),
        k.layers.Dense(10, activation="softmax")])


def keras2_functional(k):
    x = inputs = k.Input((H, W, 3))
    x = k.layers.Resizing(32, 32)(x)
    x = k.layers.RandomFlip()(k.layers.Rescaling(1 / 127.5, -1)(x))
    x = k.layers.SeparableConv2D(8, 3, padding="same")(x)
    y = k.layers.BatchNormalization()(k.layers.Conv2D(8, 1)(x))
    x = k.layers.Add()([x, k.layers.LeakyReLU()(y)])
    return k.Model(inputs, k.layers.Dense(10)(k.layers.GlobalAveragePooling2D()(x)))


CASES["keras2-sequential"] = keras2(keras2_sequential)
CASES["keras2-functional-logits"] = keras2(keras2_functional)
