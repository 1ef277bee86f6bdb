"""What every client script shares: the native API's answer, and one line of JSON a check."""
import json
import sys
import traceback

import requests

ORIGIN, MODEL, CLASSES, *PHOTOS = sys.argv[1:]
HOST = ORIGIN.split('//')[1]


def native(photo):
    """Probability of each class, by the service's own API."""
    with open(photo, 'rb') as image:
        answer = requests.post(
            f'{ORIGIN}/v1/classify', params={'model': MODEL, 'top_k': CLASSES}, data=image.read()
        )
    answer.raise_for_status()
    rows = answer.json()['predictions']
    scores = [0.0] * int(CLASSES)
    for row in rows:
        scores[row['index']] = row['probability']
    return scores, rows


def close(found, expected, tolerance=1e-5):
    differences = [abs(float(a) - float(b)) for a, b in zip(found, expected, strict=True)]
    assert max(differences) <= tolerance, f'largest difference {max(differences)}'


def run(client, checks):
    failed = 0
    for check in checks:
        row = {'client': client, 'check': check.__doc__}
        try:
            note = check()
            row |= {'ok': True, **({'note': note} if note else {})}
        except Exception as error:  # a client may raise anything: it is reported, with its trace
            failed += 1
            traceback.print_exc()
            row |= {'ok': False, 'note': f'{type(error).__name__}: {error}'[:300]}
        print(json.dumps(row), flush=True)
    sys.exit(1 if failed else 0)
