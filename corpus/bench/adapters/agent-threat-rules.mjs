// Answers "taster bench --external" with Agent Threat Rules (npm package agent-threat-rules, 4.x).
//
//   npm install agent-threat-rules@4.0.0
//   taster bench --external 'atr=node agent-threat-rules.mjs'
//
// An event is shown to the engine in every shape that its rules are written for, in the lane that lets all rules fire,
// and the highest severity counts: critical is blocked, high and medium flagged, low and informational noted. Set
// ATR_SHAPES=one to show it only in the shape that fits its kind best. Some of its expressions take minutes on some
// texts: after ATR_SECONDS (10) an event is given up as not inspected.
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

const tiers = { critical: "blocked", high: "flagged", medium: "flagged", low: "noted", informational: "noted" };
const order = ["none", "noted", "flagged", "blocked"];
const best = { user_prompt: "llm_input", tool_call: "tool_call", sampling: "llm_input" };

// strings lists every string in a JSON value, members' names included.
function strings(value, out = []) {
  if (typeof value === "string") out.push(value);
  else if (Array.isArray(value)) value.forEach((v) => strings(v, out));
  else if (value && typeof value === "object") for (const [k, v] of Object.entries(value)) { out.push(k); strings(v, out); }
  return out;
}

function shapes(event, text) {
  const timestamp = new Date(0).toISOString();
  const fields = {
    content: text, tool_description: text, tool_response: text, user_input: text, agent_output: text,
    tool_name: String(event.body?.name ?? ""), tool_args: JSON.stringify(event.body?.arguments ?? {}),
  };
  const own = best[event.kind] ?? "tool_response";
  const types = process.env.ATR_SHAPES === "one" ? [own] : [...new Set([own, "tool_response", "llm_input", "mcp_exchange", "tool_call"])];
  return types.map((type) => ({ type, timestamp, content: text, fields }));
}

function judge(engine, event) {
  const start = process.hrtime.bigint();
  const text = strings(event.body).join("\n");
  const found = new Map();
  let tier = "none", score = 0;
  for (const shape of shapes(event, text)) {
    for (const match of engine.evaluate(shape)) {
      const t = tiers[match.rule.severity] ?? "noted";
      if (order.indexOf(t) > order.indexOf(tier)) tier = t;
      score = Math.max(score, (order.indexOf(t) - 1 + Math.min(Math.max(match.confidence ?? 0, 0), 1)) / 3);
      found.set(match.rule.id, { detector: "agent-threat-rules", rule: match.rule.id, message: String(match.rule.title ?? "").slice(0, 200), confidence: 1 });
    }
  }
  return { id: event.id, tier, score, findings: [...found.values()].slice(0, 20), micros: Number(process.hrtime.bigint() - start) / 1e3 };
}

async function work() {
  const { ATREngine } = await import(pathToFileURL(join(process.cwd(), "node_modules/agent-threat-rules/dist/index.js")));
  const engine = new ATREngine({ lane: "hunt" });
  await engine.loadRules();
  parentPort.on("message", (event) => {
    try {
      parentPort.postMessage(judge(engine, event));
    } catch (error) {
      parentPort.postMessage({ id: event.id, error: String(error).slice(0, 300) });
    }
  });
  parentPort.postMessage("ready");
}

const seconds = Number(process.env.ATR_SECONDS ?? 10);

async function start() {
  const worker = new Worker(fileURLToPath(import.meta.url));
  await new Promise((ready, failed) => { worker.once("message", ready); worker.once("error", failed); });
  return worker;
}

async function main() {
  let worker = await start();
  const ask = (event) => new Promise((done) => {
    const late = setTimeout(async () => {
      await worker.terminate();
      worker = await start();
      done({ id: event.id, error: `no answer in ${seconds} s`, micros: seconds * 1e6 });
    }, seconds * 1e3);
    worker.once("message", (answer) => { clearTimeout(late); done(answer); });
    worker.postMessage(event);
  });
  const write = (answer) => new Promise((done) => (process.stdout.write(JSON.stringify(answer) + "\n") ? done() : process.stdout.once("drain", done)));
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    if (line.trim()) await write(await ask(JSON.parse(line)));
  }
  await worker.terminate();
}

await (isMainThread ? main() : work());
