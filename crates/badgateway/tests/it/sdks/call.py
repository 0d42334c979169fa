"""Makes one call with each of many SDKs, and says what came of it.

Reads a JSON object a line, {"sdk", "url", "stream", "id"}; `id` goes with every attempt of the call.
Writes one a line, in the same order: the exception's class in "raised" and its "status"; or in "told" what
was said to be the reason why the completion ended, if anything. With `--versions` it says which version of
each package is here instead.

SDKs run as they come, but for a time-out of TIMEOUT seconds.
"""

import concurrent.futures
import importlib.metadata
import json
import logging
import os
import sys

# Else it asks for prices on the internet.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import anthropic
import litellm
import openai
from google import genai
from langchain_openai import ChatOpenAI
from mistralai.client import Mistral

TIMEOUT = 2
KEY = "badgateway"
MODEL = "m"
MESSAGES = [{"role": "user", "content": "What is a bad gateway?"}]

litellm.suppress_debug_info = True
logging.disable(logging.CRITICAL)


# Each makes a client, and then calls: what comes is the reason why a completion ended, or nothing, part by
# part.


def openai_chat(url, headers):
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, timeout=TIMEOUT, default_headers=headers)

    def call(stream):
        answer = client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=stream)
        for part in answer if stream else [answer]:
            for choice in part.choices:
                yield choice.finish_reason

    return call


def openai_responses(url, headers):
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, timeout=TIMEOUT, default_headers=headers)

    def call(stream):
        answer = client.responses.create(model=MODEL, input=MESSAGES, stream=stream)
        if not stream:
            yield answer.status
            return
        for event in answer:
            yield {"response.completed": "completed", "error": "error"}.get(event.type)

    return call


def anthropic_messages(url, headers):
    client = anthropic.Anthropic(base_url=url, api_key=KEY, timeout=TIMEOUT, default_headers=headers)

    def call(stream):
        answer = client.messages.create(model=MODEL, max_tokens=100, messages=MESSAGES, stream=stream)
        if not stream:
            yield answer.stop_reason
            return
        for event in answer:
            yield event.delta.stop_reason if event.type == "message_delta" else None

    return call


def google_genai(url, headers):
    options = genai.types.HttpOptions(base_url=url, timeout=TIMEOUT * 1000, headers=headers)
    client = genai.Client(api_key=KEY, http_options=options)

    def call(stream):
        how = client.models.generate_content_stream if stream else client.models.generate_content
        answer = how(model=MODEL, contents=MESSAGES[0]["content"])
        for part in answer if stream else [answer]:
            for candidate in part.candidates or []:
                yield candidate.finish_reason and candidate.finish_reason.value

    return call


def mistral_chat(url, headers):
    client = Mistral(api_key=KEY, server_url=url, timeout_ms=TIMEOUT * 1000)

    def call(stream):
        how = client.chat.stream if stream else client.chat.complete
        answer = how(model=MODEL, messages=MESSAGES, http_headers=headers)
        for part in answer if stream else [answer]:
            for choice in (part.data if stream else part).choices:
                yield choice.finish_reason

    return call


def langchain(url, headers):
    model = ChatOpenAI(
        model=MODEL, base_url=f"{url}/v1", api_key=KEY, timeout=TIMEOUT, default_headers=headers
    )

    def call(stream):
        question = MESSAGES[0]["content"]
        for part in model.stream(question) if stream else [model.invoke(question)]:
            yield part.response_metadata.get("finish_reason")

    return call


def litellm_completion(url, headers):
    def call(stream):
        answer = litellm.completion(
            model=f"openai/{MODEL}",
            messages=MESSAGES,
            stream=stream,
            api_base=f"{url}/v1",
            api_key=KEY,
            timeout=TIMEOUT,
            extra_headers=headers,
        )
        for part in answer if stream else [answer]:
            for choice in part.choices:
                yield choice.finish_reason

    return call


SDKS = {
    "openai": openai_chat,
    "openai responses": openai_responses,
    "anthropic": anthropic_messages,
    "google-genai": google_genai,
    "mistralai": mistral_chat,
    "langchain-openai": langchain,
    "litellm": litellm_completion,
}


def status(error):
    """What the exception itself says of it, under any of the names that SDKs give it."""
    said = [getattr(error, name, None) for name in ("status_code", "code")]
    return next((int(status) for status in said if isinstance(status, int)), None)


def outcome(call, stream):
    told = None
    try:
        for reason in call(stream):
            told = reason or told
    except Exception as error:
        return {"raised": type(error).__name__, "status": status(error)}
    return {"told": told}


def main():
    if sys.argv[1:] == ["--versions"]:
        print(json.dumps({name: importlib.metadata.version(name) for name in SDKS if " " not in name}))
        return
    asked = [json.loads(line) for line in sys.stdin]
    # Making a client takes long, and is no part of a call.
    calls = [SDKS[a["sdk"]](a["url"], {"x-request-id": a["id"]}) for a in asked]
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        outcomes = pool.map(outcome, calls, [a["stream"] for a in asked])
        for said in outcomes:
            print(json.dumps(said), flush=True)


main()
