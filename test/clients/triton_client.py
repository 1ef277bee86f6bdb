"""tritonclient[http], as its users call it."""
import asyncio
import importlib.metadata

import numpy as np
import tritonclient.http as http
import tritonclient.http.aio as aio
from common import HOST, MODEL, PHOTOS, close, native, run
from tritonclient.utils import InferenceServerException

client = http.InferenceServerClient(HOST, concurrency=4)
metadata = client.get_model_metadata(MODEL)
INPUT, OUTPUT = metadata['inputs'][0]['name'], metadata['outputs'][0]['name']
BYTES = [open(photo, 'rb').read() for photo in PHOTOS]


def encoded(photos, binary=True):
    data = np.array(photos, dtype=np.object_)
    tensor = http.InferInput(INPUT, [len(photos)], 'BYTES')
    tensor.set_data_from_numpy(data, binary_data=binary)
    return [tensor]


def pixels(binary=True):
    data = np.full([1, *metadata['inputs'][0]['shape'][1:]], 128, dtype=np.uint8)
    tensor = http.InferInput(INPUT, list(data.shape), 'UINT8')
    tensor.set_data_from_numpy(data, binary_data=binary)
    return [tensor]


def health():
    """live, ready, server and model metadata"""
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(MODEL)
    assert 'binary_tensor_data' in client.get_server_metadata()['extensions']
    assert client.get_model_config(MODEL)['input'][0]['format'] == 'FORMAT_NHWC'
    assert MODEL in [row['name'] for row in client.get_model_repository_index()]


def images():
    """several JPEGs in one request as BYTES, binary"""
    result = client.infer(MODEL, encoded(BYTES)).as_numpy(OUTPUT)
    for row, photo in zip(result, PHOTOS, strict=True):
        close(row, native(photo)[0])


def tensors():
    """UINT8 tensor, binary and JSON in both directions: one answer"""
    answers = [
        client.infer(
            MODEL, pixels(binary), outputs=[http.InferRequestedOutput(OUTPUT, binary_data=back)]
        ).as_numpy(OUTPUT)[0]
        for binary in (True, False)
        for back in (True, False)
    ]
    for answer in answers[1:]:
        close(answer, answers[0])


def compression():
    """gzip and deflate, request and answer"""
    plain = client.infer(MODEL, pixels()).as_numpy(OUTPUT)[0]
    for coding in ('gzip', 'deflate'):
        result = client.infer(
            MODEL,
            pixels(),
            request_compression_algorithm=coding,
            response_compression_algorithm=coding,
        )
        close(result.as_numpy(OUTPUT)[0], plain)


def classification():
    """classification extension"""
    outputs = [http.InferRequestedOutput(OUTPUT, class_count=3)]
    found = client.infer(MODEL, encoded(BYTES), outputs=outputs).as_numpy(OUTPUT)
    for row, photo in zip(found, PHOTOS, strict=True):
        wanted = [f'{r["index"]}:{r["label"]}' for r in native(photo)[1][:3]]
        assert [text.decode().split(':', 1)[1] for text in row] == wanted, (row, wanted)


def image_client():
    """the flow of image_client.py: config, batches of two, three classes, three fields a text"""
    config = client.get_model_config(MODEL)
    assert config['max_batch_size'] >= 2
    height, width, channels = config['input'][0]['dims']
    batch = np.zeros([2, height, width, channels], dtype=np.uint8)
    tensor = http.InferInput(config['input'][0]['name'], list(batch.shape), 'UINT8')
    tensor.set_data_from_numpy(batch)
    name = config['output'][0]['name']
    outputs = [http.InferRequestedOutput(name, class_count=3)]
    for row in client.infer(MODEL, [tensor], outputs=outputs).as_numpy(name):
        for text in row:
            score, index, label = text.decode().split(':')
            assert 0 <= float(score) <= 1 and int(index) >= 0 and label


def asynchronous():
    """async_infer, and the asyncio client"""
    wanted = [native(photo)[0] for photo in PHOTOS]
    pending = [client.async_infer(MODEL, encoded([image])) for image in BYTES]
    for request, scores in zip(pending, wanted, strict=True):
        close(request.get_result().as_numpy(OUTPUT)[0], scores)

    async def together():
        async with aio.InferenceServerClient(HOST) as other:
            assert await other.is_server_ready()
            results = [await other.infer(MODEL, encoded([image])) for image in BYTES]
            return [result.as_numpy(OUTPUT)[0] for result in results]

    for found, scores in zip(asyncio.run(together()), wanted, strict=True):
        close(found, scores)


def statistics():
    """statistics count each image"""
    def count():
        return client.get_inference_statistics(MODEL)['model_stats'][0]['inference_count']

    before = count()
    client.infer(MODEL, encoded(BYTES))
    assert count() == before + len(BYTES), (before, count())


def errors():
    """an unknown model, a refused load: the client's own exception"""
    for call in (lambda: client.infer('nope', pixels()), lambda: client.load_model(MODEL)):
        try:
            call()
        except InferenceServerException as error:
            assert error.message()
            continue
        raise AssertionError('nothing was raised')


run(
    f'tritonclient[http] {importlib.metadata.version("tritonclient")}',
    [health, images, tensors, compression, classification, image_client, asynchronous, statistics, errors],
)
