"""kserve's InferenceRESTClient with protocol V2."""
import asyncio
import importlib.metadata

import numpy as np
from common import MODEL, ORIGIN, close, run
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

SIDE = 224


def together(work):
    async def call():
        client = InferenceRESTClient(RESTConfig(protocol='v2'))
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(call())


def health():
    """live, ready, model ready"""
    async def work(client):
        assert await client.is_server_live(ORIGIN)
        assert await client.is_server_ready(ORIGIN)
        assert await client.is_model_ready(ORIGIN, MODEL)

    together(work)


def infer():
    """infer, binary and JSON: one answer"""
    async def work(client):
        rows = []
        for binary in (True, False):
            tensor = InferInput(name='images', shape=[1, SIDE, SIDE, 3], datatype='UINT8')
            data = np.full([1, SIDE, SIDE, 3], 100, dtype=np.uint8)
            tensor.set_data_from_numpy(data, binary_data=binary)
            request = InferRequest(model_name=MODEL, infer_inputs=[tensor])
            answer = await client.infer(ORIGIN, request, model_name=MODEL)
            rows.append(answer.outputs[0].as_numpy().ravel())
        close(rows[0], rows[1])
        assert abs(float(rows[0].sum()) - 1) < 1e-3

    together(work)


run(f'kserve {importlib.metadata.version("kserve")} InferenceRESTClient', [health, infer])
