"""LitServe over ONNX Runtime: one worker, batches as its documentation has them."""
import litserve
from common import answer_of, crop_of, open_session, scores_of, setting
from fastapi import UploadFile


class Classifier(litserve.LitAPI):
    def setup(self, device):
        self.session = open_session()

    def decode_request(self, request: UploadFile):
        return crop_of(request.file.read())

    def batch(self, inputs):
        return inputs

    def predict(self, crops):
        if not isinstance(crops, list):
            crops = [crops]
        return list(scores_of(self.session, crops))

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return answer_of(output)


if __name__ == "__main__":
    api = Classifier(max_batch_size=int(setting("BATCH")), batch_timeout=0.01)
    server = litserve.LitServer(api, accelerator="cpu", timeout=60)
    server.run(host="127.0.0.1", port=int(setting("PORT")), generate_client_file=False, log_level="warning")
