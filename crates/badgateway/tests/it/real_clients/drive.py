"""Makes one call with each of many real clients, all at once, and says what came of it.

Reads a JSON object a line, {"client", "url", "method", "timeout", "calls"}; `timeout` is that of one
attempt in seconds, or null for the library's own; of several calls each follows the one before.
Writes one a line, in the same order: "outcome" of the last, when they "began" and "ended", [begin,
end] of every connection it tried to make, in seconds of one clock, and how long it slept each time.
With `--luck NUMBER` every draw from [0, 1) comes out so, and nobody
really sleeps. With `--versions` it says which version of each package is here instead.
"""

import importlib.metadata
import json
import random
import socket
import sys
import threading
import time
from time import monotonic


class Here(threading.local):
    """What this thread's call does."""

    connects = sleeps = luck = None


HERE = Here()
CONNECT, SLEEP, RANDOM = socket.socket.connect, time.sleep, random.random


def connect(self, address):
    began = monotonic()
    try:
        return CONNECT(self, address)
    finally:
        if HERE.connects is not None:
            HERE.connects.append([began, monotonic()])


def sleep(seconds):
    if HERE.sleeps is not None:
        HERE.sleeps.append(seconds)
    if HERE.luck is None:
        SLEEP(seconds)


def draw():
    return RANDOM() if HERE.luck is None else HERE.luck


# Before the libraries are read: some take what they find then.
socket.socket.connect, time.sleep, random.random = connect, sleep, draw
# For all that draws by way of `random`, such as `uniform`.
random._inst.random = draw

import anthropic
import botocore.session
import httpx
import openai
import requests
import tenacity
import urllib3
from botocore.config import Config
from requests.adapters import HTTPAdapter

def returned(status):
    return f"returns {status}"


def naive_loop(url, method, timeout):
    def call():
        for _ in range(3):
            try:
                response = requests.get(url, timeout=timeout)
                if response.status_code == 502:
                    time.sleep(2)
                    continue
                response.raise_for_status()
                response.json()
                return returned(response.status_code)
            except requests.RequestException:
                break
        return returned(None)

    return call


def plain_requests(url, method, timeout):
    return lambda: returned(requests.request(method, url, timeout=timeout).status_code)


def adapted_requests(max_retries):
    def prepare(url, method, timeout):
        session = requests.Session()
        session.mount("http://", HTTPAdapter(max_retries=max_retries))
        return lambda: returned(session.request(method, url, timeout=timeout).status_code)

    return prepare


def plain_urllib3(url, method, timeout):
    # What `PoolManager` takes for a time-out that is not given.
    timeout = urllib3.Timeout.DEFAULT_TIMEOUT if timeout is None else timeout
    pool = urllib3.PoolManager()
    return lambda: returned(pool.request(method, url, timeout=timeout).status)


def tenacity_with(wait, attempts):
    def prepare(url, method, timeout):
        @tenacity.retry(wait=wait, stop=tenacity.stop_after_attempt(attempts))
        def call():
            response = requests.request(method, url, timeout=timeout)
            response.raise_for_status()
            return returned(response.status_code)

        return call

    return prepare


def httpx_with(retries):
    def prepare(url, method, timeout):
        options = {} if timeout is None else {"timeout": timeout}
        transport = httpx.HTTPTransport(retries=retries) if retries else None
        client = httpx.Client(transport=transport, **options)
        return lambda: returned(client.request(method, url).status_code)

    return prepare


def openai_sdk(url, method, timeout):
    options = {} if timeout is None else {"timeout": timeout}
    client = openai.OpenAI(api_key="none", base_url=url, **options)

    def call():
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}])
        return "returns"

    return call


def anthropic_sdk(url, method, timeout):
    options = {} if timeout is None else {"timeout": timeout}
    client = anthropic.Anthropic(api_key="none", base_url=url, **options)

    def call():
        client.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "?"}])
        return "returns"

    return call


def botocore_with(mode):
    def prepare(url, method, timeout):
        options = {} if timeout is None else {"connect_timeout": timeout, "read_timeout": timeout}
        # A service that speaks JSON: an error that is no XML would end one that speaks XML.
        client = AMAZON.create_client(
            "kms",
            region_name="us-east-1",
            endpoint_url=url,
            aws_access_key_id="none",
            aws_secret_access_key="none",
            config=Config(retries={"mode": mode}, **options),
        )

        def call():
            client.list_keys()
            return "returns"

        return call

    return prepare


# It reads large files, once.
AMAZON = botocore.session.get_session()

RECIPE = urllib3.Retry(total=3, backoff_factor=1, status_forcelist=[429, 500, 502, 503, 504])

CLIENTS = {
    "naive loop": naive_loop,
    "requests": plain_requests,
    "requests, max_retries=3": adapted_requests(3),
    "requests, Retry recipe": adapted_requests(RECIPE),
    "urllib3": plain_urllib3,
    "tenacity, wait_exponential": tenacity_with(tenacity.wait_exponential(multiplier=1), 3),
    "tenacity, wait_exponential_jitter": tenacity_with(tenacity.wait_exponential_jitter(), 5),
    "tenacity, wait_random_exponential": tenacity_with(
        tenacity.wait_random_exponential(multiplier=1, max=60), 5
    ),
    "httpx": httpx_with(0),
    "httpx, retries=3": httpx_with(3),
    "openai": openai_sdk,
    "anthropic": anthropic_sdk,
    "botocore, legacy": botocore_with("legacy"),
    "botocore, standard": botocore_with("standard"),
    "botocore, adaptive": botocore_with("adaptive"),
}

PACKAGES = ["requests", "urllib3", "tenacity", "httpx", "openai", "anthropic", "botocore"]


def run(call, calls, luck, into):
    HERE.luck = luck
    HERE.connects = into["connects"] = []
    HERE.sleeps = into["sleeps"] = []
    into["began"] = monotonic()
    for _ in range(calls):
        try:
            into["outcome"] = call()
        except Exception as error:
            into["outcome"] = f"raises {type(error).__name__}"
    into["ended"] = monotonic()


def main():
    if sys.argv[1:] == ["--versions"]:
        print(json.dumps({name: importlib.metadata.version(name) for name in PACKAGES}))
        return
    luck = float(sys.argv[2]) if sys.argv[1:2] == ["--luck"] else None
    asked = [json.loads(line) for line in sys.stdin]
    # Making a client takes long, and is no part of a call.
    calls = [CLIENTS[a["client"]](a["url"], a["method"], a["timeout"]) for a in asked]
    results = [{} for _ in calls]
    threads = [
        threading.Thread(target=run, args=(call, a["calls"], luck, into))
        for call, a, into in zip(calls, asked, results)
    ]
    for thread in threads:
        thread.start()
    for thread, result in zip(threads, results):
        thread.join()
        print(json.dumps(result), flush=True)


main()
