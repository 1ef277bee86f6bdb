"""ovmsclient: OpenVINO Model Server's client, over the REST API of TensorFlow Serving."""
import importlib.metadata

import numpy as np
from common import HOST, MODEL, PHOTOS, close, native, run
from ovmsclient import make_http_client

client = make_http_client(HOST)


def status():
    """model status and metadata"""
    assert client.get_model_status(MODEL)[1]['state'] == 'AVAILABLE'
    metadata = client.get_model_metadata(MODEL)
    assert list(metadata['inputs'].values())[0]['shape'][-1] == 3, metadata


def predict():
    """predict with an encoded image, and with a tensor"""
    metadata = client.get_model_metadata(MODEL)
    name = list(metadata['inputs'])[0]
    image = open(PHOTOS[0], 'rb').read()
    close(np.asarray(client.predict({name: image}, MODEL)).ravel(), native(PHOTOS[0])[0])
    shape = [1, *list(metadata['inputs'].values())[0]['shape'][1:]]
    scores = np.asarray(client.predict({name: np.full(shape, 128, dtype=np.uint8)}, MODEL))
    assert abs(float(scores.sum()) - 1) < 1e-3


run(f'ovmsclient {importlib.metadata.version("ovmsclient")}', [status, predict])
