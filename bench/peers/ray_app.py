"""Ray Serve over ONNX Runtime, with its dynamic request batching."""
import signal

from common import answer_of, crop_of, open_session, scores_of, setting
from ray import serve


@serve.deployment(max_ongoing_requests=100_000, ray_actor_options={"num_cpus": 1})
class Classifier:
    def __init__(self):
        self.session = open_session()

    @serve.batch(max_batch_size=int(setting("BATCH")), batch_wait_timeout_s=0.01)
    async def scores(self, crops):
        return list(scores_of(self.session, crops))

    async def __call__(self, request):
        return answer_of(await self.scores(crop_of(await request.body())))


if __name__ == "__main__":
    serve.start(http_options={"host": "127.0.0.1", "port": int(setting("PORT"))}, logging_config={"enable_access_log": False})
    serve.run(Classifier.bind(), route_prefix="/")
    signal.pause()
