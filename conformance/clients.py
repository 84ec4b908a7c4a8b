"""The vendors' own clients, each streaming one reply from examples/upstream: what they make of it is what was scripted.

A model API that is only ever read by the decoders that it tests could be wrong together with them. The vendors' clients
are the other opinion.
"""

import json
import sys
import urllib.request
from dataclasses import dataclass


@dataclass
class Heard:
    """What a client made of a reply."""

    text: str = ""
    thinking: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    stop_reason: str = ""


KEY = "key-of-the-test"
MODEL = "scripted"


def anthropic(url: str, prompt: str) -> Heard:
    from anthropic import Anthropic

    heard = Heard()
    client = Anthropic(api_key=KEY, base_url=url, max_retries=0)
    turns = [{"role": "user", "content": prompt}]
    with client.messages.stream(model=MODEL, max_tokens=100, messages=turns) as stream:
        for event in stream:
            if event.type == "thinking":
                heard.thinking += event.thinking
            elif event.type == "text":
                heard.text += event.text
        message = stream.get_final_message()
    heard.input_tokens, heard.output_tokens = message.usage.input_tokens, message.usage.output_tokens
    heard.stop_reason = message.stop_reason
    return heard


def openai_chat(url: str, prompt: str) -> Heard:
    from openai import OpenAI

    heard = Heard()
    client = OpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=0)
    turns = [{"role": "user", "content": prompt}]
    options = {"include_usage": True}
    for chunk in client.chat.completions.create(model=MODEL, messages=turns, stream=True, stream_options=options):
        if chunk.usage:
            heard.input_tokens, heard.output_tokens = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
        for choice in chunk.choices:
            heard.text += choice.delta.content or ""
            heard.thinking += getattr(choice.delta, "reasoning_content", None) or ""
            heard.stop_reason = choice.finish_reason or heard.stop_reason
    return heard


def openai_responses(url: str, prompt: str) -> Heard:
    from openai import OpenAI

    heard = Heard()
    client = OpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=0)
    with client.responses.stream(model=MODEL, input=prompt) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                heard.text += event.delta
            elif event.type == "response.reasoning_summary_text.delta":
                heard.thinking += event.delta
            elif event.type in ("response.completed", "response.incomplete"):
                ended = event.response
    heard.input_tokens, heard.output_tokens = ended.usage.input_tokens, ended.usage.output_tokens
    heard.stop_reason = ended.incomplete_details.reason if ended.incomplete_details else ended.status
    return heard


def gemini(url: str, prompt: str) -> Heard:
    from google import genai

    heard = Heard()
    client = genai.Client(api_key=KEY, http_options={"base_url": url, "api_version": "v1beta"})
    for chunk in client.models.generate_content_stream(model=MODEL, contents=prompt):
        for candidate in chunk.candidates or []:
            for part in candidate.content.parts or []:
                if part.thought:
                    heard.thinking += part.text or ""
                else:
                    heard.text += part.text or ""
            heard.stop_reason = candidate.finish_reason.value if candidate.finish_reason else heard.stop_reason
        if usage := chunk.usage_metadata:
            heard.input_tokens = usage.prompt_token_count
            heard.output_tokens = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return heard


def mistral(url: str, prompt: str) -> Heard:
    from mistralai.client import Mistral

    heard = Heard()
    client = Mistral(api_key=KEY, server_url=f"{url}/mistral")
    for event in client.chat.stream(model=MODEL, messages=[{"role": "user", "content": prompt}]):
        chunk = event.data
        if chunk.usage and chunk.usage.total_tokens:
            heard.input_tokens, heard.output_tokens = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
        for choice in chunk.choices:
            content = choice.delta.content or ""
            if isinstance(content, str):
                heard.text += content
            else:
                heard.thinking += "".join(part.text for chunk in content for part in chunk.thinking)
            heard.stop_reason = choice.finish_reason or heard.stop_reason
    return heard


def ollama(url: str, prompt: str) -> Heard:
    from ollama import Client

    heard = Heard()
    for line in Client(host=url).chat(model=MODEL, messages=[{"role": "user", "content": prompt}], stream=True):
        heard.text += line.message.content or ""
        heard.thinking += line.message.thinking or ""
        if line.done:
            heard.input_tokens, heard.output_tokens = line.prompt_eval_count, line.eval_count
            heard.stop_reason = line.done_reason
    return heard


# Each client, its usual reason to stop, and one of its others.
CLIENTS = [
    (anthropic, "end_turn", "max_tokens"),
    (openai_chat, "stop", "length"),
    (openai_responses, "completed", "max_output_tokens"),
    (gemini, "STOP", "MAX_TOKENS"),
    (mistral, "stop", "length"),
    (ollama, "stop", "length"),
]

# What is written, and how. Clients that fail on odd framing are not our business, so it is the vendors' own here.
SCRIPTS = [
    {"pieces": 5},
    {"pieces": 7, "multibyte": True, "thinking": 2, "split": 3},
    {"markdown": True, "piece_chars": 5, "thinking": 1},
    {"pieces": 2, "text": ""},
]


def ask(url: str, path: str, body: dict) -> dict:
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def expected(url: str, script: dict, stop_reason: str) -> Heard:
    said = ask(url, "/text", script)
    chars = script.get("piece_chars", 4)
    given = "text" in script or "markdown" in script
    pieces = -(-len(said["text"]) // chars) if given else script["pieces"]
    tokens = pieces + script.get("thinking", 0)
    return Heard(said["text"], said["thinking"], 11, tokens, stop_reason)


def main(url: str) -> int:
    wrong = 0
    for client, usual, other in CLIENTS:
        cases = [(script, usual) for script in SCRIPTS] + [({"pieces": 3, "stop_reason": other}, other)]
        for script, reason in cases:
            heard = client(url, f"Please answer.\n@upstream {json.dumps(script)}")
            if heard != (wanted := expected(url, script, reason)):
                wrong += 1
                print(f"{client.__name__}: {script}\n  wanted {wanted}\n  heard  {heard}")
        print(f"{client.__name__}: {len(cases)} replies: text, thinking, usage and stop reason compared")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
