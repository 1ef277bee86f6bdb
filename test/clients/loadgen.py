"""MLPerf LoadGen drives the service in its Server and Offline scenarios; the verdict is LoadGen's.

The adapter posts JPEGs to /v1/classify. Durations and rates are those of a functional check, not of a
submission.
"""
import concurrent.futures
import importlib.metadata
import os
import re
import tempfile

import mlperf_loadgen as lg
import requests
from common import MODEL, ORIGIN, PHOTOS, run

SAMPLES = [open(photo, 'rb').read() for photo in PHOTOS]
RATE, LATENCY_S = 16, 5
# LoadGen believes a 90th percentile from 64 queries on, a 99th only from 662 on.
QUERIES, PERCENTILE = 128, 0.9
# Offline is one query of as many samples as these two ask for; it must not end sooner than that.
OFFLINE_RATE, OFFLINE_MS = 1000, 100


def drive(scenario):
    workers = concurrent.futures.ThreadPoolExecutor(8)
    session = requests.Session()

    def answer(query):
        reply = session.post(
            f'{ORIGIN}/v1/classify', params={'model': MODEL}, data=SAMPLES[query.index % len(SAMPLES)]
        )
        reply.raise_for_status()
        assert reply.json()['predictions']
        lg.QuerySamplesComplete([lg.QuerySampleResponse(query.id, 0, 0)])

    settings = lg.TestSettings()
    settings.scenario = scenario
    settings.mode = lg.TestMode.PerformanceOnly
    is_server = scenario == lg.TestScenario.Server
    settings.min_duration_ms = 1000 if is_server else OFFLINE_MS
    settings.min_query_count = QUERIES if is_server else 1
    settings.server_target_qps = RATE
    settings.server_target_latency_ns = int(LATENCY_S * 1e9)
    settings.server_target_latency_percentile = PERCENTILE
    settings.offline_expected_qps = OFFLINE_RATE
    sut = lg.ConstructSUT(lambda queries: [workers.submit(answer, q) for q in queries], lambda: None)
    qsl = lg.ConstructQSL(len(SAMPLES), len(SAMPLES), lambda _: None, lambda _: None)
    with tempfile.TemporaryDirectory() as folder:
        logs = lg.LogSettings()
        logs.log_output.outdir = folder
        lg.StartTestWithLogSettings(sut, qsl, settings, logs)
        lg.DestroyQSL(qsl)
        lg.DestroySUT(sut)
        with open(os.path.join(folder, 'mlperf_log_summary.txt')) as summary:
            text = summary.read()
    workers.shutdown()
    verdict = re.search(r'Result is\s*:\s*(\w+)', text).group(1)
    print(text)
    assert verdict == 'VALID', verdict
    return f'Result is {verdict}'


def server():
    """Server scenario"""
    return drive(lg.TestScenario.Server)


def offline():
    """Offline scenario"""
    return drive(lg.TestScenario.Offline)


run(f'mlcommons-loadgen {importlib.metadata.version("mlcommons-loadgen")}', [server, offline])
