// Makes one call with each of many SDKs, and says what came of it: as call.py does, for those of Node.js.
// Its argument is the folder whose node_modules has them.
//
// TIMEOUT is what the SDKs are told, in milliseconds. One that is still waiting after PATIENCE, many times
// as long, "waits". With `--expose-gc` garbage is collected all the while, as it is in any busy program: a
// time-out that nothing holds does not survive that.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const TIMEOUT = 2000;
const PATIENCE = 25000;
const COLLECTS_EVERY = 250;
const KEY = "badgateway";
const MODEL = "m";
const QUESTION = "What is a bad gateway?";
const MESSAGES = [{ role: "user", content: QUESTION }];

const modules = join(process.argv[2], "node_modules");
const manifest = (name) => JSON.parse(readFileSync(join(modules, name, "package.json")));
const NAMES = ["openai", "@anthropic-ai/sdk", "@google/genai", "@mistralai/mistralai"];

if (process.argv[3] === "--versions") {
  const versions = NAMES.map((name) => [name, manifest(name).version]);
  console.log(JSON.stringify(Object.fromEntries([...versions, ["Node.js", process.versions.node]])));
  process.exit();
}

const require = createRequire(join(modules, "here.js"));
const [OpenAI, Anthropic, Google, Mistral] = await Promise.all(
  NAMES.map((name) => {
    // One of them has no entry for `require`.
    const file = name.startsWith("@mistral") ? join(modules, name, manifest(name).main) : require.resolve(name);
    return import(pathToFileURL(file));
  }),
);

const openai = (url, headers) =>
  new OpenAI.default({ baseURL: `${url}/v1`, apiKey: KEY, timeout: TIMEOUT, defaultHeaders: headers });

// Each makes a client, and then calls: what comes is the reason why a completion ended, or nothing, part by part.
const SDKS = {
  openai(url, headers) {
    const client = openai(url, headers);
    return async function* (stream) {
      const answer = await client.chat.completions.create({ model: MODEL, messages: MESSAGES, stream });
      for await (const part of stream ? answer : [answer]) yield part.choices[0]?.finish_reason;
    };
  },
  "openai responses"(url, headers) {
    const client = openai(url, headers);
    return async function* (stream) {
      const answer = await client.responses.create({ model: MODEL, input: MESSAGES, stream });
      if (!stream) return yield answer.status;
      for await (const event of answer) {
        yield { "response.completed": "completed", error: "error" }[event.type];
      }
    };
  },
  "@anthropic-ai/sdk"(url, headers) {
    const client = new Anthropic.default({ baseURL: url, apiKey: KEY, timeout: TIMEOUT, defaultHeaders: headers });
    return async function* (stream) {
      const answer = await client.messages.create({ model: MODEL, max_tokens: 100, messages: MESSAGES, stream });
      if (!stream) return yield answer.stop_reason;
      for await (const event of answer) yield event.delta?.stop_reason;
    };
  },
  "@google/genai"(url, headers) {
    const httpOptions = { baseUrl: url, timeout: TIMEOUT, headers };
    const { models } = new Google.GoogleGenAI({ apiKey: KEY, httpOptions });
    return async function* (stream) {
      const how = stream ? "generateContentStream" : "generateContent";
      const answer = await models[how]({ model: MODEL, contents: QUESTION });
      for await (const part of stream ? answer : [answer]) yield part.candidates?.[0]?.finishReason;
    };
  },
  "@mistralai/mistralai"(url, headers) {
    const { chat } = new Mistral.Mistral({ apiKey: KEY, serverURL: url, timeoutMs: TIMEOUT });
    return async function* (stream) {
      const how = stream ? "stream" : "complete";
      const answer = await chat[how]({ model: MODEL, messages: MESSAGES }, { fetchOptions: { headers } });
      for await (const part of stream ? answer : [answer]) {
        yield (stream ? part.data : part).choices[0]?.finishReason;
      }
    };
  },
};

// What the exception itself says of the status, under any of the names that SDKs give it.
function status(error) {
  const said = [error.status, error.statusCode, error.code];
  return said.find((status) => Number.isInteger(status) && status >= 100) ?? null;
}

async function outcome(call, stream) {
  let told = null;
  try {
    for await (const reason of call(stream)) told = reason || told;
  } catch (error) {
    return { raised: error.constructor.name, status: status(error) };
  }
  return { told };
}

function patiently(outcome) {
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, { waits: true }).unref());
  return Promise.race([outcome, late]);
}

if (globalThis.gc) setInterval(globalThis.gc, COLLECTS_EVERY);
const asked = (await text(process.stdin)).trim().split("\n").map((line) => JSON.parse(line));
const calls = asked.map(({ sdk, url, id }) => SDKS[sdk](url, { "x-request-id": id }));
const outcomes = await Promise.all(calls.map((call, n) => patiently(outcome(call, asked[n].stream))));
for (const outcome of outcomes) console.log(JSON.stringify(outcome));
// Those that wait would keep it alive.
process.exit();
