"""huggingface_hub's InferenceClient, and plain requests for the dialects without a client."""
import importlib.metadata

import requests
from common import MODEL, ORIGIN, PHOTOS, native, run
from huggingface_hub import InferenceClient

client = InferenceClient(model=f'{ORIGIN}/models/{MODEL}', token='unused')


def wanted(photo, k):
    return [(row['label'], row['probability']) for row in native(photo)[1][:k]]


def same(found, expected):
    assert [label for label, _ in found] == [label for label, _ in expected], (found, expected)
    assert all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(found, expected, strict=True))


def classify():
    """image_classification with a path, bytes, top_k, and on the bare address"""
    for photo in PHOTOS:
        image = open(photo, 'rb').read()
        for given, k in ((photo, None), (image, None), (image, 3)):
            rows = client.image_classification(given, top_k=k)
            same([(row.label, row.score) for row in rows], wanted(photo, k or 5))
    endpoint = InferenceClient(model=ORIGIN, token='unused')
    assert endpoint.image_classification(PHOTOS[0])


def torchserve():
    """TorchServe by requests: POST, PUT, multipart, ping"""
    url = f'{ORIGIN}/predictions/{MODEL}'
    image = open(PHOTOS[0], 'rb').read()
    answers = [
        requests.post(url, data=image),
        requests.put(url, data=image),
        requests.post(url, files={'data': image}),
    ]
    for answer in answers:
        answer.raise_for_status()
        same(list(answer.json().items()), wanted(PHOTOS[0], 5))
    assert requests.get(f'{ORIGIN}/ping').json() == {'status': 'Healthy'}


def deepstack():
    """DeepStack by requests: scene"""
    answer = requests.post(f'{ORIGIN}/v1/vision/scene', files={'image': open(PHOTOS[0], 'rb')})
    same([(answer.json()['label'], answer.json()['confidence'])], wanted(PHOTOS[0], 1))


run(
    f'huggingface_hub {importlib.metadata.version("huggingface_hub")}, requests',
    [classify, torchserve, deepstack],
)
