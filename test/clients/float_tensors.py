"""FP32 tensors, as the model's own signature takes them, against TensorFlow's answers for them."""
import json
import sys

import numpy as np
import requests
import tritonclient.http as http

origin, model, golden = sys.argv[1:]
pixels = np.fromfile(f'{golden}/input.u8', dtype=np.uint8)
side = int((len(pixels) / 12) ** 0.5)
pixels = pixels.reshape(4, side, side, 3)
mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
tensor = ((pixels / 255 - mean) / std).astype(np.float32)
wanted = np.fromfile(f'{golden}/reference.output_0.f32', dtype=np.float32).reshape(4, -1)


def report(client, check, found):
    difference = float(np.abs(np.asarray(found, dtype=np.float32) - wanted).max())
    note = f'largest difference from TensorFlow {difference:.1e}'
    print(json.dumps({'client': client, 'check': check, 'ok': difference <= 1e-4, 'note': note}))
    return difference <= 1e-4


client = http.InferenceServerClient(origin.split('//')[1], network_timeout=120)
meta = client.get_model_metadata(model)
sent = http.InferInput(meta['inputs'][0]['name'], list(tensor.shape), 'FP32')
sent.set_data_from_numpy(tensor)
found = client.infer(model, [sent]).as_numpy(meta['outputs'][0]['name'])
good = report('tritonclient[http]', 'FP32 tensor of a float model, binary', found)
body = {'instances': tensor.tolist()}
answer = requests.post(f'{origin}/v1/models/{model}:predict', json=body, timeout=120)
answer.raise_for_status()
good &= report('requests', 'TensorFlow Serving predict with floats', answer.json()['predictions'])
sys.exit(0 if good else 1)
