"""Blocks of well-known families of networks, as their authors and ordinary people write them.

Cases are functions as in people.py.
"""

import keras
import numpy as np
import tensorflow as tf
from kinds import USE_TENSORFLOW, refused
from people import (CASES, H, L, W, Small, case, disturb, export, keras2, random, save, scaled, spec, v1, variable,
                    simple_save, weights)


def net(m, stem, channels, folder, **facts):
    """`stem` between two convolutions: [n, 20, 24, 8] -> [n, ?, ?, channels]."""
    m.first, m.top = variable(3, 3, 3, 8), variable(channels, 10)
    def f(x):
        x = tf.nn.relu(tf.nn.conv2d(scaled(x), m.first, 2, "SAME"))
        x = stem(x)
        return tf.nn.softmax(tf.matmul(tf.reduce_mean(x, [1, 2]), m.top))
    save(m, f, folder, spec(tf.uint8))
    return facts


def conv(x, k, stride=1, padding="SAME"):
    return tf.nn.conv2d(x, k, stride, padding)


# --- attention over channels and places ---

@case
def cbam(folder):
    m = tf.Module()
    m.a, m.b, m.c = variable(8, 2), variable(2, 8), variable(7, 7, 2, 1)
    def stem(x):
        mlp = lambda v: tf.matmul(tf.nn.relu(tf.matmul(v, m.a)), m.b)
        s = tf.sigmoid(mlp(tf.reduce_mean(x, [1, 2])) + mlp(tf.reduce_max(x, [1, 2])))
        x = x * s[:, None, None, :]
        s = tf.concat([tf.reduce_mean(x, -1, keepdims=True), tf.reduce_max(x, -1, keepdims=True)], -1)
        return x * tf.sigmoid(conv(s, m.c))
    return net(m, stem, 8, folder)


@case
def non_local_block(folder):
    m = tf.Module()
    m.q, m.k, m.v, m.o = variable(1, 1, 8, 4), variable(1, 1, 8, 4), variable(1, 1, 8, 4), variable(1, 1, 4, 8)
    def stem(x):
        s = tf.shape(x)
        flat = lambda y: tf.reshape(y, [s[0], -1, 4])
        q, k, v = flat(conv(x, m.q)), flat(tf.nn.max_pool2d(conv(x, m.k), 2, 2, "SAME")), flat(tf.nn.max_pool2d(conv(x, m.v), 2, 2, "SAME"))
        y = tf.matmul(tf.nn.softmax(tf.matmul(q, k, transpose_b=True)), v)
        return x + conv(tf.reshape(y, [s[0], s[1], s[2], 4]), m.o)
    return net(m, stem, 8, folder)


@case
def selective_kernels(folder):
    """SKNet: branches weighed by a softmax across them."""
    m = tf.Module()
    m.a, m.b, m.f, m.g = variable(3, 3, 8, 8), variable(5, 5, 8, 8), variable(8, 4), variable(4, 16)
    def stem(x):
        y = tf.stack([tf.nn.relu(conv(x, m.a)), tf.nn.relu(conv(x, m.b))], axis=1)  # [n, 2, h, w, c]
        s = tf.reduce_mean(tf.reduce_sum(y, 1), [1, 2])
        s = tf.reshape(tf.matmul(tf.nn.relu(tf.matmul(s, m.f)), m.g), [-1, 2, 1, 1, 8])
        return tf.reduce_sum(y * tf.nn.softmax(s, axis=1), axis=1)
    return net(m, stem, 8, folder)


@case
def coordinate_attention(folder):
    m = tf.Module()
    m.a, m.h, m.w = variable(1, 1, 8, 4), variable(1, 1, 4, 8), variable(1, 1, 4, 8)
    def stem(x):
        rows, columns = tf.reduce_mean(x, 2, keepdims=True), tf.reduce_mean(x, 1, keepdims=True)
        y = tf.concat([rows, tf.transpose(columns, [0, 2, 1, 3])], axis=1)
        y = conv(y, m.a)
        y = y * tf.nn.relu6(y + 3.0) / 6.0
        a, b = tf.split(y, [20, 24], axis=1)
        return x * tf.sigmoid(conv(a, m.h)) * tf.sigmoid(conv(tf.transpose(b, [0, 2, 1, 3]), m.w))
    return net(m, stem, 8, folder)


@case
def global_context(folder):
    m = tf.Module()
    m.key, m.a, m.b = variable(1, 1, 8, 1), variable(8, 4), variable(4, 8)
    def stem(x):
        attention = tf.nn.softmax(tf.reshape(conv(x, m.key), [-1, 480, 1]), axis=1)
        context = tf.squeeze(tf.matmul(tf.reshape(x, [-1, 480, 8]), attention, transpose_a=True), -1)
        return x + tf.reshape(tf.matmul(tf.nn.relu(tf.matmul(context, m.a)), m.b), [-1, 1, 1, 8])
    return net(m, stem, 8, folder)


# --- pyramids and branches ---

@case
def pyramid_pooling(folder):
    """PSPNet: averages of several sizes, enlarged and joined."""
    m = tf.Module()
    m.ks = [variable(1, 1, 8, 2) for _ in range(3)]
    def stem(x):
        parts = [x]
        for k, (height, width) in zip(m.ks, [(20, 24), (10, 12), (5, 6)]):
            y = conv(tf.nn.avg_pool2d(x, (height, width), (height, width), "VALID"), k)
            parts.append(tf.image.resize(tf.nn.relu(y), tf.shape(x)[1:3]))
        return tf.concat(parts, -1)
    return net(m, stem, 14, folder)


@case
def atrous_pyramid(folder):
    """DeepLab: dilated convolutions side by side, and the image's mean spread out again."""
    inputs = keras.Input((H, W, 3))
    x = L.Conv2D(8, 3, strides=2, padding="same")(L.Rescaling(1 / 127.5, -1)(inputs))
    branches = [L.Conv2D(4, 1)(x)] + [L.Conv2D(4, 3, padding="same", dilation_rate=r)(x) for r in (2, 4, 6)]
    pooled = L.Conv2D(4, 1)(L.GlobalAveragePooling2D(keepdims=True)(x))
    branches.append(L.UpSampling2D((20, 24), interpolation="bilinear")(pooled))
    x = L.ReLU()(L.BatchNormalization()(L.Concatenate()(branches)))
    x = L.DepthwiseConv2D(3, padding="same", dilation_rate=3)(x)
    model = keras.Model(inputs, L.Dense(10, activation="softmax")(L.GlobalAveragePooling2D()(x)))
    disturb(model)
    export(model, folder)


@case
def high_resolution_branches(folder):
    """HRNet: branches of several sizes exchange what they have."""
    inputs = keras.Input((H, W, 3))
    a = L.Conv2D(8, 3, strides=2, padding="same", activation="relu")(L.Rescaling(1 / 255)(inputs))
    b = L.Conv2D(16, 3, strides=2, padding="same", activation="relu")(a)
    up = L.UpSampling2D(2)(L.BatchNormalization()(L.Conv2D(8, 1)(b)))
    down = L.BatchNormalization()(L.Conv2D(16, 3, strides=2, padding="same")(a))
    a, b = L.ReLU()(L.Add()([a, up])), L.ReLU()(L.Add()([down, b]))
    x = L.Concatenate()([L.MaxPooling2D(2)(a), b, L.AveragePooling2D(2, padding="same")(a)])
    model = keras.Model(inputs, L.Dense(10, activation="softmax")(L.GlobalAveragePooling2D()(x)))
    disturb(model)
    export(model, folder)


@case
def res2net_ghost_and_shuffle(folder):
    """Channels cut into parts that feed each other, cheap features, shuffled channels."""
    m = tf.Module()
    m.parts, m.ghost, m.point = [variable(3, 3, 4, 4) for _ in range(3)], variable(3, 3, 16, 1), variable(1, 1, 8, 16)
    def stem(x):
        x = conv(x, m.point)
        pieces = tf.split(x, 4, axis=-1)
        done = [pieces[0]]
        for piece, k in zip(pieces[1:], m.parts):
            done.append(tf.nn.relu(conv(piece + done[-1], k)))
        x = tf.concat(done, -1)
        x = tf.concat([x, tf.nn.depthwise_conv2d(x, m.ghost, [1, 1, 1, 1], "SAME")], -1)[..., :30]
        n, h, w, c = x.shape
        x = tf.transpose(tf.reshape(x, [-1, h, w, 3, c // 3]), [0, 1, 2, 4, 3])
        return tf.reshape(x, [-1, h, w, c])
    return net(m, stem, 30, folder)


@case
def shortcut_padded_with_zeros(folder):
    """The first residual networks: the shortcut is thinned out and gets channels of zeros."""
    m = tf.Module()
    m.a, m.b = variable(3, 3, 8, 16), variable(3, 3, 16, 32)
    def stem(x):
        short = x[:, ::2, ::2, :]
        x = tf.nn.relu(conv(x, m.a, 2) + tf.concat([short, tf.zeros_like(short)], -1))
        short = tf.nn.avg_pool2d(x, 1, 2, "VALID")
        return tf.nn.relu(conv(x, m.b, 2) + tf.pad(short, [[0, 0], [0, 0], [0, 0], [8, 8]]))
    return net(m, stem, 32, folder)


# --- kernels that are computed from weights ---

@case
def normalizer_free(folder):
    """NFNet: weights are standardised in the graph, activations are scaled."""
    m = tf.Module()
    m.k, m.gain, m.bias, m.skip = variable(3, 3, 8, 8), variable(8), variable(8), tf.Variable(0.2)
    def stem(x):
        mean, variance = tf.nn.moments(m.k, [0, 1, 2], keepdims=True)
        k = (m.k - mean) * tf.math.rsqrt(tf.maximum(variance * 72.0, 1e-4)) * m.gain
        y = tf.nn.bias_add(conv(tf.nn.gelu(x, approximate=True) * 1.7015 / 1.1, k), m.bias)
        return x + y * m.skip * 0.2
    return net(m, stem, 8, folder)


@case
def reparameterised_in_the_graph(folder):
    """RepVGG, whose branches become one kernel each time it runs."""
    m = tf.Module()
    m.k3, m.k1, m.gamma, m.beta = variable(3, 3, 8, 8), variable(1, 1, 8, 8), variable(8), variable(8)
    m.mean, m.variance = variable(8), tf.Variable(random.uniform(0.5, 1.5, 8).astype(np.float32))
    def stem(x):
        t = m.gamma / tf.sqrt(m.variance + 1e-3)
        identity = tf.pad(tf.reshape(tf.eye(8), [1, 1, 8, 8]), [[1, 1], [1, 1], [0, 0], [0, 0]])
        k = m.k3 * t + tf.pad(m.k1, [[1, 1], [1, 1], [0, 0], [0, 0]]) + identity
        return tf.nn.relu(tf.nn.bias_add(conv(x, k), m.beta - m.mean * t))
    return net(m, stem, 8, folder)


@case
def involution(folder):
    """Kernels that depend on the place, over patches."""
    m = tf.Module()
    m.a, m.b = variable(1, 1, 8, 4), variable(1, 1, 4, 9)
    def stem(x):
        k = tf.reshape(conv(tf.nn.relu(conv(x, m.a)), m.b), [-1, 20, 24, 9, 1])
        patches = tf.image.extract_patches(x, [1, 3, 3, 1], [1, 1, 1, 1], [1, 1, 1, 1], "SAME")
        return tf.reduce_sum(k * tf.reshape(patches, [-1, 20, 24, 9, 8]), axis=3)
    return net(m, stem, 8, folder)


# --- heads ---

@case
def capsules(folder):
    m = tf.Module()
    m.k, m.routes = variable(3, 3, 8, 16), tf.Variable(weights(1, 80, 10, 4, 4) * 4)
    m.first = variable(3, 3, 3, 8)
    def squash(v):
        square = tf.reduce_sum(tf.square(v), -1, keepdims=True)
        return square / (1.0 + square) * v / tf.sqrt(square + 1e-7)
    def f(x):
        x = tf.nn.relu(tf.nn.conv2d(scaled(x), m.first, 4, "SAME"))
        u = squash(tf.reshape(tf.nn.conv2d(x, m.k, 3, "SAME"), [-1, 64, 4]))
        u = tf.concat([u, u[:, ::4]], 1)
        votes = tf.squeeze(tf.matmul(tf.tile(u[:, :, None, None, :], [1, 1, 10, 1, 1]), tf.tile(m.routes, [tf.shape(u)[0], 1, 1, 1, 1])), 3)
        b = tf.zeros([tf.shape(u)[0], 80, 10, 1])
        for step in range(3):
            v = squash(tf.reduce_sum(tf.nn.softmax(b, axis=2) * votes, 1, keepdims=True))
            b += tf.reduce_sum(votes * v, -1, keepdims=True)
        return tf.sqrt(tf.reduce_sum(tf.square(v), -1) + 1e-7)[:, 0]
    save(m, f, folder, spec(tf.uint8))


@case
def bilinear_features(folder):
    """Products of all pairs of features, signed roots, normalised."""
    m = Small()
    m.top = variable(256, 10)
    def f(x):
        x = tf.reshape(m.features(scaled(x)), [-1, 120, 16])
        y = tf.reshape(tf.matmul(x, x, transpose_a=True) / 120.0, [-1, 256])
        y = tf.sign(y) * tf.sqrt(tf.abs(y) + 1e-10)
        return tf.nn.softmax(tf.matmul(tf.nn.l2_normalize(y, axis=-1), m.top) * 4.0)
    save(m, f, folder, spec(tf.uint8))


@case
def descriptors_assigned_to_centres(folder):
    """NetVLAD."""
    m = Small()
    m.assign, m.centres, m.top = variable(1, 1, 16, 6), variable(1, 1, 1, 16, 6), variable(96, 10)
    def f(x):
        x = tf.nn.l2_normalize(m.features(scaled(x)), -1)
        a = tf.nn.softmax(tf.nn.conv2d(x, m.assign, 1, "SAME"))
        v = tf.reduce_sum(a[..., None, :] * (x[..., None] - m.centres), [1, 2])
        v = tf.reshape(tf.nn.l2_normalize(v, 1), [-1, 96])
        return tf.nn.softmax(8.0 * tf.matmul(tf.nn.l2_normalize(v, 1), m.top))
    save(m, f, folder, spec(tf.uint8))


@case
def margins_between_angles(folder):
    """ArcFace at inference: cosines, scaled."""
    m = Small()
    def f(x):
        e = tf.reduce_mean(m.features(scaled(x)), [1, 2])
        cosine = tf.clip_by_value(tf.matmul(tf.nn.l2_normalize(e, 1), tf.nn.l2_normalize(m.k3, 0)), -1 + 1e-7, 1 - 1e-7)
        return {"logits": 16.0 * tf.cos(tf.acos(cosine))}
    save(m, f, folder, spec(tf.uint8))


@case
def experts_with_a_gate(folder):
    m = Small()
    m.experts, m.gate = variable(16, 4 * 10), variable(16, 4)
    def f(x):
        e = tf.reduce_mean(m.features(scaled(x)), [1, 2])
        gate = tf.nn.softmax(tf.matmul(e, m.gate))
        best, index = tf.math.top_k(gate, 2)
        mask = tf.reduce_sum(tf.one_hot(index, 4) * best[..., None], axis=1)
        answers = tf.nn.softmax(tf.reshape(tf.matmul(e, m.experts), [-1, 4, 10]))
        return tf.einsum("ne,nec->nc", mask / tf.reduce_sum(mask, -1, keepdims=True), answers)
    save(m, f, folder, spec(tf.uint8))


@case
def attention_pooling_with_a_mask(folder):
    """Tokens below a threshold take no part: their scores are minus infinity."""
    m = Small()
    m.query = variable(16, 1)
    def f(x):
        x = tf.reshape(m.features(scaled(x)), [-1, 120, 16])
        scores = tf.matmul(x, m.query)
        keep = tf.reduce_mean(x, -1, keepdims=True) >= tf.reduce_mean(x, [1, 2], keepdims=True)
        a = tf.nn.softmax(tf.where(keep, scores, -np.inf), axis=1)
        return tf.nn.softmax(tf.matmul(tf.squeeze(tf.matmul(a, x, transpose_a=True), 1), m.k3))
    save(m, f, folder, spec(tf.uint8))


@case
def flipped_copies_as_one_batch(folder):
    """Test-time augmentation as people write it: the batch twice as long, then both halves averaged."""
    m = Small()
    def f(x):
        x = scaled(x)
        y = tf.nn.softmax(m.logits(tf.concat([x, tf.image.flip_left_right(x)], axis=0)))
        a, b = tf.split(y, 2, axis=0)
        return (a + b) / 2.0
    save(m, f, folder, spec(tf.uint8))


@case
def two_networks_of_two_sizes(folder):
    m, n = Small(), Small()
    m.other = n
    def f(x):
        x = scaled(x)
        small = tf.image.resize(x, [H // 3, W // 3], method="nearest")
        return tf.nn.softmax(tf.add_n([m.logits(x), n.logits(small)]) / 2.0)
    save(m, f, folder, spec(tf.uint8))


@case
def one_answer_squeezed(folder):
    """A graph for one image that gives its ten scores without a batch."""
    m = Small()
    save(m, lambda x: {"probabilities": tf.squeeze(tf.nn.softmax(m.logits(scaled(x))))}, folder, spec(tf.uint8, batch=1))
    return refused(r"shape \[10\], expected \[batch, classes\]", r"float32 \[10\]; scores are floats")


# --- transformers and mixers ---

def tokens(m, folder, block, count=30, channels=16):
    m.stem, m.top = variable(8, 8, 3, channels), variable(channels, 10)
    def f(x):
        x = tf.reshape(tf.nn.conv2d(scaled(x), m.stem, 8, "VALID"), [-1, count, channels])
        return tf.nn.softmax(tf.matmul(tf.reduce_mean(block(x), 1), m.top))
    save(m, f, folder, spec(tf.uint8))


@case
def gated_mlp(folder):
    m = tf.Module()
    m.a, m.b, m.mix, m.bias = variable(16, 32), variable(16, 16), variable(30, 30), tf.Variable(tf.ones([30, 1]))
    def block(x):
        u, v = tf.split(tf.nn.gelu(tf.matmul(x, m.a)), 2, -1)
        mean, variance = tf.nn.moments(v, [-1], keepdims=True)
        v = tf.nn.batch_normalization(v, mean, variance, None, None, 1e-6)
        v = tf.einsum("bnd,mn->bmd", v, m.mix) + m.bias
        return x + tf.matmul(u * v, m.b)
    tokens(m, folder, block)


@case
def attention_variants(folder):
    """Cosines with a learned temperature, talking heads, linear attention, keys reduced in space."""
    m = tf.Module()
    m.qkv, m.tau, m.talk, m.out = variable(16, 48), variable(4, 1, 1), variable(4, 4), variable(16, 16)
    m.reduce = variable(2, 2, 16, 16)
    def heads(y):
        return tf.transpose(tf.reshape(y, [tf.shape(y)[0], -1, 4, 4]), [0, 2, 1, 3])
    def block(x):
        q, k, v = (heads(y) for y in tf.split(tf.matmul(x, m.qkv), 3, axis=-1))
        a = tf.matmul(tf.nn.l2_normalize(q, -1), tf.nn.l2_normalize(k, -1), transpose_b=True) * tf.exp(tf.minimum(m.tau, 2.0))
        a = tf.nn.softmax(tf.einsum("bhqk,hg->bgqk", a, m.talk))
        y = tf.matmul(a, v)
        linear = tf.matmul(tf.nn.elu(q) + 1.0, tf.matmul(tf.nn.elu(k) + 1.0, v, transpose_a=True))
        y = y + linear / (tf.reduce_sum(tf.abs(linear), -1, keepdims=True) + 1.0)
        y = tf.reshape(tf.transpose(y, [0, 2, 1, 3]), [-1, 30, 16])
        small = tf.reshape(tf.nn.conv2d(tf.reshape(x, [-1, 5, 6, 16]), m.reduce, 2, "SAME"), [-1, 9, 16])
        y = y + tf.matmul(tf.nn.softmax(tf.matmul(x, small, transpose_b=True) / 4.0), small)
        return x + tf.matmul(y, m.out)
    tokens(m, folder, block)


@case
def shifted_windows_with_a_mask(folder):
    """Swin's second block: windows after a roll, where neighbours that were none are masked out."""
    m = tf.Module()
    m.qkv = variable(16, 48)
    region = np.zeros((1, 4, 6, 1), np.float32)
    for i, rows in enumerate((slice(0, -2), slice(-2, -1), slice(-1, None))):
        for j, columns in enumerate((slice(0, -2), slice(-2, -1), slice(-1, None))):
            region[:, rows, columns] = 3 * i + j
    def windows(x, c):
        x = tf.reshape(x, [-1, 2, 2, 3, 2, c])
        return tf.reshape(tf.transpose(x, [0, 1, 3, 2, 4, 5]), [-1, 4, c])
    marks = windows(tf.constant(region), 1)[..., 0]
    mask = tf.where(marks[:, None, :] != marks[:, :, None], -100.0, 0.0)  # [6, 4, 4]
    def block(x):
        x = tf.reshape(x, [-1, 5, 6, 16])[:, :4]
        y = windows(tf.roll(x, shift=(-1, -1), axis=(1, 2)), 16)
        q, k, v = tf.split(tf.matmul(y, m.qkv), 3, -1)
        a = tf.matmul(q, k, transpose_b=True) / 4.0
        a = tf.reshape(a, [-1, 6, 4, 4]) + mask[None]
        y = tf.matmul(tf.nn.softmax(tf.reshape(a, [-1, 4, 4])), v)
        y = tf.reshape(tf.transpose(tf.reshape(y, [-1, 2, 3, 2, 2, 16]), [0, 1, 3, 2, 4, 5]), [-1, 4, 6, 16])
        return tf.reshape(x + tf.roll(y, shift=(1, 1), axis=(1, 2)), [-1, 24, 16])
    tokens(m, folder, block)


@case
def keras_patches_and_class_token(folder):
    """The Vision Transformer of keras.io: patches, an embedding of positions, two blocks."""
    inputs = keras.Input((H, W, 3))
    class Patches(L.Layer):
        def call(self, x):
            patches = keras.ops.image.extract_patches(x, size=8)
            return keras.ops.reshape(patches, (keras.ops.shape(x)[0], 30, 192))
    class Encoder(L.Layer):
        def __init__(self):
            super().__init__()
            self.project, self.positions = L.Dense(16), L.Embedding(30, 16)
        def call(self, x):
            return self.project(x) + self.positions(keras.ops.expand_dims(keras.ops.arange(0, 30, 1), 0))
    x = Encoder()(Patches()(L.Rescaling(1 / 127.5, -1)(inputs)))
    for _ in range(2):
        y = L.LayerNormalization(epsilon=1e-6)(x)
        x = L.Add()([L.MultiHeadAttention(4, 4, dropout=0.1)(y, y), x])
        x = L.Add()([L.Dense(16, activation=keras.activations.gelu)(L.LayerNormalization(epsilon=1e-6)(x)), x])
    x = L.Dropout(0.5)(L.Flatten()(L.LayerNormalization(epsilon=1e-6)(x)))
    model = keras.Model(inputs, L.Dense(10, activation="softmax")(x))
    disturb(model)
    export(model, folder)


@case
def keras_convmixer(folder):
    inputs = keras.Input((H, W, 3))
    norm = lambda x: L.BatchNormalization()(L.Activation("gelu")(x))
    x = norm(L.Conv2D(16, 4, strides=4)(L.Rescaling(1 / 255)(inputs)))
    for _ in range(2):
        x = L.Add()([norm(L.DepthwiseConv2D(5, padding="same")(x)), x])
        x = norm(L.Conv2D(16, 1)(x))
    model = keras.Model(inputs, L.Dense(10, activation="softmax")(L.GlobalAvgPool2D()(x)))
    disturb(model)
    export(model, folder)


def keras2_vision_transformer(k):
    """With Keras 2's fused layer normalisation, and patches by tf.image."""
    x = inputs = k.Input((H, W, 3))
    x = k.layers.Rescaling(1 / 127.5, -1)(x)
    x = k.layers.Lambda(lambda t: tf.image.extract_patches(t, [1, 8, 8, 1], [1, 8, 8, 1], [1, 1, 1, 1], "VALID"))(x)
    x = k.layers.Dense(16)(k.layers.Reshape((30, 192))(x))
    for _ in range(2):
        y = k.layers.LayerNormalization()(x)
        x = x + k.layers.MultiHeadAttention(2, 8)(y, y)
        y = k.layers.LayerNormalization()(x)
        x = x + k.layers.Dense(16)(k.layers.Dense(32, activation="gelu")(y))
    return k.Model(inputs, k.layers.Dense(10, activation="softmax")(k.layers.GlobalAveragePooling1D()(x)))


def keras2_convnext(k):
    """Layer normalisation over the channels of maps, layer scale."""
    class Scale(k.layers.Layer):
        def build(self, shape):
            self.gamma = self.add_weight("gamma", (shape[-1],), initializer="ones")
        def call(self, x):
            return x * self.gamma
    x = inputs = k.Input((H, W, 3))
    x = k.layers.Conv2D(8, 4, strides=4)(k.layers.Rescaling(1 / 127.5, -1)(x))
    x = k.layers.LayerNormalization()(x)
    for _ in range(2):
        y = k.layers.LayerNormalization(epsilon=1e-3)(k.layers.DepthwiseConv2D(7, padding="same")(x))
        y = Scale()(k.layers.Dense(8)(k.layers.Activation("gelu")(k.layers.Dense(32)(y))))
        x = k.layers.Add()([x, y])
    x = k.layers.LayerNormalization()(k.layers.GlobalAveragePooling2D()(x))
    return k.Model(inputs, k.layers.Dense(10)(x))


def keras2_odds_and_ends(k):
    """Layers of Keras 2 that are spelled otherwise than those of Keras 3."""
    x = inputs = k.Input((H, W, 3))
    x = k.layers.Normalization(mean=[120.0, 110.0, 100.0], variance=[3000.0, 3300.0, 3600.0])(x)
    x = k.layers.Conv2D(8, 3, strides=2, padding="same")(k.layers.ZeroPadding2D(((0, 1), (0, 1)))(x))
    x = k.layers.PReLU(shared_axes=[1, 2])(k.layers.GroupNormalization(4)(x))
    x = k.layers.UpSampling2D(2)(k.layers.MaxPooling2D(3, 2, "same")(x))
    x = k.layers.LocallyConnected2D(4, 5, strides=4)(x)
    x = k.layers.ThresholdedReLU(0.1)(k.layers.UnitNormalization()(x))
    x = k.layers.Lambda(lambda t: tf.math.l2_normalize(t, axis=-1))(k.layers.Flatten()(x))
    return k.Model(inputs, k.layers.Dense(10, activation="softmax")(x))


CASES["keras2-vision-transformer"] = keras2(keras2_vision_transformer)
CASES["keras2-convnext"] = keras2(keras2_convnext)
CASES["keras2-odds-and-ends"] = keras2(keras2_odds_and_ends)


# --- preprocessing inside ---

def keras_preprocessed(module):
    """keras.applications' own preprocess_input before a network, as tutorials have it."""
    def write(folder):
        inputs = keras.Input((H, W, 3))
        x = getattr(keras.applications, module).preprocess_input(inputs)
        x = L.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x * 0.02)
        model = keras.Model(inputs, L.Dense(10, activation="softmax")(L.GlobalAveragePooling2D()(x)))
        disturb(model)
        export(model, folder)
    return write


for module in ("resnet50", "mobilenet_v2", "densenet", "vgg16"):
    CASES[f"keras-preprocess-input-of-{module.replace('_', '-')}"] = keras_preprocessed(module)


@case
def resized_to_odd_sizes(folder):
    """The nearest pixels of sizes that do not divide each other, where ties decide."""
    m = Small()
    def f(x):
        x = tf.image.resize(x, [12, 92], method="nearest")
        x = tf.compat.v1.image.resize_nearest_neighbor(x, [40, 40])
        x = tf.compat.v1.image.resize_nearest_neighbor(x, [24, 67], align_corners=True)
        x = tf.compat.v1.image.resize_bicubic(x, [40, 41], align_corners=True)
        x = tf.compat.v1.image.resize_area(x, [33, 37], align_corners=True)
        return tf.nn.softmax(m.logits(scaled(tf.image.resize(x, [20, 22], "mitchellcubic", antialias=True))))
    save(m, f, folder, spec(tf.uint8))


@case
def bytes_between_resizes(folder):
    """Bicubic weights overshoot: what lies outside 0 to 255 ends there when it becomes bytes again."""
    m = Small()
    def f(x):
        x = tf.cast(tf.image.resize(x, [80, 90], method="bicubic"), tf.uint8)
        x = tf.image.resize(x // 2, [H, W], method="nearest")
        return tf.nn.softmax(m.logits(tf.cast(255 - x, tf.float32) / 127.5 - 1.0))
    save(m, f, folder, spec(tf.uint8))


@case
def coordinates_as_channels(folder):
    """CoordConv: every pixel knows its place and its distance from the middle."""
    m = Small()
    m.k = variable(3, 3, 6, 3)
    def f(x):
        x = scaled(x)
        n, h, w = tf.shape(x)[0], x.shape[1], x.shape[2]
        rows = tf.tile(tf.linspace(-1.0, 1.0, h)[None, :, None, None], [n, 1, w, 1])
        columns = tf.tile((tf.range(w, dtype=tf.float32) / (w - 1) * 2 - 1)[None, None, :, None], [n, h, 1, 1])
        distance = tf.sqrt(tf.square(rows) + tf.square(columns))
        return tf.nn.softmax(m.logits(tf.nn.conv2d(tf.concat([x, rows, columns, distance], -1), m.k, 1, "SAME")))
    save(m, f, folder, spec(tf.uint8))


@case
def edges_beside_colours(folder):
    m = Small()
    m.k = variable(3, 3, 9, 3)
    def f(x):
        x = scaled(x)
        edges = tf.reshape(tf.image.sobel_edges(x), [-1, H, W, 6])
        return tf.nn.softmax(m.logits(tf.nn.conv2d(tf.concat([x, edges], -1), m.k, 1, "SAME")))
    save(m, f, folder, spec(tf.uint8))


@case
def stretched_between_extremes(folder):
    """Each image from 0 to 1, its reflections averaged, then mirrored at the borders."""
    m = Small()
    def f(x):
        x = tf.cast(x, tf.float32)
        low, high = tf.reduce_min(x, [1, 2, 3], keepdims=True), tf.reduce_max(x, [1, 2, 3], keepdims=True)
        x = tf.math.divide_no_nan(x - low, high - low)[:, :40, :40]
        x = (x + tf.image.flip_up_down(x) + tf.image.transpose(x) + tf.reverse(x, [1, 2])) / 4.0
        return tf.nn.softmax(m.logits(tf.pad(x, [[0, 0], [3, 4], [5, 2], [0, 0]], "SYMMETRIC")))
    save(m, f, folder, spec(tf.uint8))


@case
def turned_by_quarters(folder):
    """tf.image.rot90 chooses by the number of turns, in branches of which one is left."""
    m = Small()
    def f(x):
        x = scaled(x)
        y = tf.image.rot90(x, 2) + tf.image.resize(tf.image.rot90(x) + tf.image.rot90(x, 3), [H, W])
        return tf.nn.softmax(m.logits(y / 3.0))
    save(m, f, folder, spec(tf.uint8))


@case
def branches_chosen_by_the_size(folder):
    """As Hugging Face's Swin: whether a map is padded is asked of its shape, a mask is put together in pieces."""
    m = Small()
    def f(x):
        x = scaled(x)
        height, width = tf.shape(x)[1], tf.shape(x)[2]
        x = tf.cond(height % 7 > 0, lambda: tf.pad(x, [[0, 0], [0, 7 - H % 7], [0, 0], [0, 0]]), lambda: x)
        x = tf.cond(tf.logical_and(width > 100, height > 3), lambda: tf.nn.erosion2d(x, m.k1[..., 0], [1] * 4, "SAME", "NHWC", [1] * 4), lambda: x)
        mask = tf.zeros([42, W, 1])
        mask = tf.tensor_scatter_nd_update(mask, [[i] for i in range(20, 42)], tf.ones([22, W, 1]))
        return tf.nn.softmax(m.logits(x * (0.5 + mask)))
    save(m, f, folder, spec(tf.uint8))


@case
def rotated_colours_by_hsv(folder):
    """Hue and saturation through HSV, which has no ONNX operator."""
    m = Small()
    def f(x):
        x = tf.image.adjust_saturation(tf.cast(x, tf.float32) / 255.0, 0.8)
        return tf.nn.softmax(m.logits(x))
    save(m, f, folder, spec(tf.uint8))
    return {"refusals": {"onnxruntime": USE_TENSORFLOW}}


# --- TensorFlow 1 ---

def slim_inception():
    """A network in the manner of slim: a batch of one, scopes, an end point squeezed."""
    v = tf.compat.v1
    x = v.placeholder(tf.float32, [1, H, W, 3], name="Placeholder")
    training = False
    def layer(y, name, *shape, stride=1, padding="SAME", activation=tf.nn.relu):
        with v.variable_scope(name):
            y = tf.nn.conv2d(y, v.get_variable("weights", initializer=weights(*shape)), stride, padding)
            beta = v.get_variable("BatchNorm/beta", initializer=weights(shape[-1]))
            mean = v.get_variable("BatchNorm/moving_mean", initializer=weights(shape[-1]), trainable=False)
            variance = v.get_variable("BatchNorm/moving_variance", initializer=tf.random.uniform([shape[-1]], 0.5, 1.5, seed=4))
            y, *_ = v.nn.fused_batch_norm(y, tf.ones([shape[-1]]), beta, mean, variance, 0.001, is_training=training)
            return activation(y)
    with v.variable_scope("InceptionV1"):
        y = layer(x, "Conv2d_1a", 7, 7, 3, 8, stride=2)
        y = v.nn.max_pool(y, [1, 3, 3, 1], [1, 2, 2, 1], "SAME")
        a = layer(y, "Branch_0", 1, 1, 8, 4)
        b = layer(layer(y, "Branch_1/a", 1, 1, 8, 4), "Branch_1/b", 3, 3, 4, 6)
        c = layer(v.nn.max_pool(y, [1, 3, 3, 1], [1, 1, 1, 1], "SAME"), "Branch_2", 1, 1, 8, 4)
        y = tf.concat(axis=3, values=[a, b, c])
        y = v.nn.avg_pool(y, [1, 10, 12, 1], [1, 1, 1, 1], "VALID")
        y = v.nn.dropout(y, rate=0.0)
        y = layer(y, "Logits", 1, 1, 14, 1001, activation=tf.identity)
        logits = tf.squeeze(y, [1, 2], name="SpatialSqueeze")
    return x, {"logits": logits, "Predictions": tf.nn.softmax(logits)}


def official_resnet():
    """TensorFlow's official ResNet: padding by hand before strides, projections, a mean by reduction."""
    v = tf.compat.v1
    x = v.placeholder(tf.uint8, [None, None, None, 3], name="input_tensor")
    y = v.image.resize_bilinear(tf.cast(x, tf.float32), [H, W]) - tf.constant([123.68, 116.78, 103.94])
    def norm(y, c, name):
        one = lambda kind, value: v.get_variable(f"{name}/{kind}", initializer=value)
        return v.nn.fused_batch_norm(y, one("gamma", tf.random.uniform([c], -1.0, 1.5, seed=2)), one("beta", weights(c)),
                                     one("mean", weights(c)), one("variance", tf.random.uniform([c], 0.5, 1.5, seed=3)),
                                     1e-5, is_training=False)[0]
    def conv_fixed(y, shape, stride, name):
        if stride > 1:
            y = tf.pad(y, [[0, 0], [1, 1], [1, 1], [0, 0]]) if shape[0] == 3 else y
        return tf.nn.conv2d(y, v.get_variable(name, initializer=weights(*shape)), stride, "SAME" if stride == 1 else "VALID")
    with v.variable_scope("resnet_model"):
        y = conv_fixed(y * 0.02, (3, 3, 3, 8), 2, "conv2d")
        y = v.nn.max_pool(y, [1, 3, 3, 1], [1, 2, 2, 1], "SAME")
        short = conv_fixed(tf.nn.relu(norm(y, 8, "n0")), (1, 1, 8, 16), 2, "projection")
        z = conv_fixed(tf.nn.relu(norm(y, 8, "n1")), (3, 3, 8, 16), 2, "conv2d_1")
        y = short + conv_fixed(tf.nn.relu(norm(z, 16, "n2")), (3, 3, 16, 16), 1, "conv2d_2")
        y = tf.nn.relu(norm(y, 16, "n3"))
        y = tf.squeeze(tf.identity(tf.reduce_mean(y, [1, 2], keepdims=True), "final_reduce_mean"), [1, 2])
        logits = tf.identity(tf.matmul(y, v.get_variable("dense", initializer=weights(16, 1001))), "final_dense")
    return x, {"classes": tf.argmax(logits, axis=1), "probabilities": tf.nn.softmax(logits, name="softmax_tensor")}


CASES["tf1-slim-inception"] = v1(slim_inception, simple_save)


def with_side(write, side):
    def wrapped(folder):
        write(folder)
        return {"cropSize": side}
    return wrapped


CASES["tf1-official-resnet"] = with_side(v1(official_resnet, simple_save), 90)


def kept_dropout():
    """Dropout that is told by a placeholder, with a default, to keep everything."""
    v = tf.compat.v1
    x = v.placeholder(tf.float32, [None, H, W, 3], name="x")
    keep = v.placeholder_with_default(1.0, [], name="keep_prob")
    y = tf.nn.relu(tf.nn.conv2d(x / 255.0, v.get_variable("w", initializer=weights(5, 5, 3, 8)), 2, "SAME"))
    y = v.nn.dropout(tf.reduce_mean(y, [1, 2]), keep_prob=keep)
    return x, {"scores": tf.nn.softmax(tf.matmul(y, v.get_variable("v", initializer=weights(8, 10))))}


CASES["tf1-dropout-that-keeps-all"] = v1(kept_dropout, simple_save)
