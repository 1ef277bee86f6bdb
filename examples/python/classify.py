"""Classify photographs with `requests`: python classify.py photo.jpg … [--server URL] [--model NAME]"""
import argparse

import requests

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument('photos', nargs='+')
parser.add_argument('--server', default='http://127.0.0.1:8080')
parser.add_argument('--model')
options = parser.parse_args()

parameters = {'top_k': 3, **({'model': options.model} if options.model else {})}
with requests.Session() as session:
    for photo in options.photos:
        with open(photo, 'rb') as image:
            answer = session.post(
                f'{options.server}/v1/classify', params=parameters, data=image, timeout=30
            )
        if not answer.ok:
            print(f'{photo}: {answer.json()["detail"]}')
            continue
        for row in answer.json()['predictions']:
            print(f'{photo}: {row["probability"]:.3f} {row["label"]}')
