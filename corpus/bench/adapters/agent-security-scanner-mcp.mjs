// Answers "taster bench --external" with agent-security-scanner-mcp (npm package of that name, 4.x).
//
//   npm install agent-security-scanner-mcp@4.5.9
//   taster bench --external 'agent-security-scanner=node agent-security-scanner-mcp.mjs'
//
// Every event's strings go through its prompt scan, and a tool also through its manifest scan, as the only tool of a
// server.json. The stricter word counts: BLOCK is blocked, WARN flagged, LOG noted; a manifest finding of level ERROR or
// WARNING is flagged, INFO noted.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const home = join(process.cwd(), "node_modules", "agent-security-scanner-mcp");
const { scanAgentPrompt } = await import(pathToFileURL(join(home, "src/tools/scan-prompt.js")));
const { scanMcpServer } = await import(pathToFileURL(join(home, "src/tools/scan-mcp.js")));

console.warn = () => {};
const order = ["none", "noted", "flagged", "blocked"];
const actions = { BLOCK: "blocked", WARN: "flagged", LOG: "noted", ALLOW: "none" };
const levels = { ERROR: "flagged", WARNING: "flagged", INFO: "noted" };
const stricter = (a, b) => (order.indexOf(a) >= order.indexOf(b) ? a : b);

function strings(value, out = []) {
  if (typeof value === "string") out.push(value);
  else if (Array.isArray(value)) value.forEach((v) => strings(v, out));
  else if (value && typeof value === "object") for (const [k, v] of Object.entries(value)) { out.push(k); strings(v, out); }
  return out;
}

const parse = (result) => JSON.parse(result.content[0].text);
const finding = (f) => ({ detector: "agent-security-scanner-mcp", rule: String(f.rule_id ?? f.rule ?? ""), message: String(f.message ?? "").slice(0, 200), confidence: 1 });

const dir = mkdtempSync(join(tmpdir(), "scan-"));
const write = (answer) => new Promise((done) => (process.stdout.write(JSON.stringify(answer) + "\n") ? done() : process.stdout.once("drain", done)));

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  if (!line.trim()) continue;
  const event = JSON.parse(line);
  const start = process.hrtime.bigint();
  try {
    const prompt = parse(await scanAgentPrompt({ prompt_text: strings(event.body).join("\n"), verbosity: "full" }));
    if (prompt.error) throw new Error(prompt.error);
    let tier = actions[prompt.action] ?? "none";
    const findings = (prompt.findings ?? []).map(finding);
    if (event.kind === "tool") {
      writeFileSync(join(dir, "server.json"), JSON.stringify({ name: event.server, tools: [event.body] }));
      const manifest = parse(await scanMcpServer({ server_path: dir, manifest: true, verbosity: "full" }));
      for (const f of manifest.findings ?? manifest.issues ?? []) {
        tier = stricter(levels[f.severity] ?? "none", tier);
        findings.push(finding(f));
      }
    }
    const score = Math.max(order.indexOf(tier) / 3, Math.min(Number(prompt.risk_score ?? 0) / 100, 1));
    await write({ id: event.id, tier, score, findings: findings.slice(0, 20), micros: Number(process.hrtime.bigint() - start) / 1e3 });
  } catch (error) {
    await write({ id: event.id, error: String(error).slice(0, 300) });
  }
}
rmSync(dir, { recursive: true, force: true });
