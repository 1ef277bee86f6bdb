"""MLServer over ONNX Runtime: a custom runtime with its adaptive batching (model-settings.json)."""
from common import answer_of, crop_of, open_session, scores_of
from mlserver import MLModel
from mlserver.codecs import Base64Codec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
import json


class Classifier(MLModel):
    async def load(self) -> bool:
        self.session = open_session()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        images = Base64Codec.decode_input(payload.inputs[0])
        scores = scores_of(self.session, [crop_of(image) for image in images])
        answers = [json.dumps(answer_of(row)) for row in scores]
        outputs = [StringCodec.encode_output("predictions", answers)]
        return InferenceResponse(model_name=self.name, outputs=outputs)
