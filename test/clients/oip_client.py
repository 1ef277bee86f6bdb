"""open-inference-openapi: the Open Inference Protocol's own Python client."""
import importlib.metadata

from common import MODEL, ORIGIN, PHOTOS, close, native, run
from open_inference.openapi.client import OpenInferenceClient
from open_inference.openapi.types import InferenceRequest, RequestInput, TensorData

client = OpenInferenceClient(base_url=ORIGIN)


def health():
    """live, ready, metadata"""
    client.check_server_liveness()
    client.check_server_readiness()
    client.check_model_readiness(model_name=MODEL)
    assert client.read_server_metadata().name
    assert client.read_model_metadata(model_name=MODEL).inputs


def infer():
    """infer with pixels as JSON equals the native answer"""
    import numpy as np
    from PIL import Image

    meta = client.read_model_metadata(model_name=MODEL)
    side = int(meta.inputs[0].shape[1])
    picture = np.asarray(Image.open(PHOTOS[0]).convert('RGB'))
    assert picture.shape == (side, side, 3), 'the first photo is of the model\'s own size'
    tensor = RequestInput(
        name=meta.inputs[0].name,
        datatype='UINT8',
        shape=[1, side, side, 3],
        data=TensorData.parse_obj(picture.flatten().tolist()),
    )
    answer = client.model_infer(MODEL, request=InferenceRequest(inputs=[tensor]))
    found = answer.outputs[0].data
    close(getattr(found, '__root__', found), native(PHOTOS[0])[0])


run(f'open-inference-openapi {importlib.metadata.version("open-inference-openapi")}', [health, infer])
