"""BentoML over ONNX Runtime, with its adaptive batching."""
from pathlib import Path

import bentoml
import numpy
from common import answer_of, crop_of, open_session, scores_of, setting


@bentoml.service(workers=1, traffic={"timeout": 60, "max_concurrency": 100_000}, logging={"access": {"enabled": False}})
class Classifier:
    def __init__(self):
        self.session = open_session()

    @bentoml.api(batchable=True, max_batch_size=int(setting("BATCH")), max_latency_ms=60_000)
    def scores(self, crops: numpy.ndarray) -> numpy.ndarray:
        return scores_of(self.session, list(crops))


@bentoml.service(workers=1, traffic={"timeout": 60, "max_concurrency": 100_000}, logging={"access": {"enabled": False}})
class Front:
    model = bentoml.depends(Classifier)

    @bentoml.api
    async def classify(self, image: Path) -> dict:
        crop = crop_of(image.read_bytes())
        scores = await self.model.to_async.scores(crop[None])
        return answer_of(scores[0])
