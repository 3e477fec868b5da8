// Times the CPU engine and ONNX Runtime Web as WebAssembly in node, in turn, each in a process of its own, on one thread.
//
//     node compare_wasm.mjs --models DIR --ours DIR --ort DIR [--arch densenet121] [--rounds 5] [--runs 20] [--json F.json]
//
// DIR of --models is compare_peers.py's; README.md says how to make the other two. One of them may be missing.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const string = (value) => ({ type: 'string', default: value });
const { values: a } = parseArgs({
  options: {
    models: string(), ours: string(), ort: string(), arch: string('densenet121'), rounds: string('5'), runs: string('20'), json: string(),
  },
});
const names = ['ours', 'ort'].filter((name) => a[name]);
if (!a.models || !names.length) {
  console.error('usage: node compare_wasm.mjs --models DIR --ours DIR --ort DIR');
  process.exit(2);
}

function turn(name) {
  const words = [path.join(import.meta.dirname, 'turn.mjs'), name, a.models, a.arch, a.runs, a[name]];
  const done = spawnSync(process.execPath, words, { encoding: 'utf8' });
  const line = done.stdout?.split('\n').findLast((line) => line.startsWith('{'));
  if (line) return JSON.parse(line);
  console.error(`${name}: ${done.stderr?.trim() || done.error}`);
  process.exit(1);
}

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

const rounds = [];
for (let number = 1; number <= Number(a.rounds); number++) {
  rounds.push(Object.fromEntries(names.map((name) => [name, turn(name)])));
  console.error(`round ${number}: ${names.map((name) => `${name} ${rounds.at(-1)[name].median_ms.toFixed(1)} ms`).join(', ')}`);
}
console.log(`${a.arch}, batch 1, 1 thread, node ${process.version}\n`);
console.log('| runtime | median ms | times ONNX Runtime Web\'s, median (min to max) | first answer, best, ms | peak memory, MB |');
console.log('|---|---|---|---|---|');
for (const name of names) {
  const turns = rounds.map((round) => round[name]);
  const ratios = name !== 'ort' && a.ort ? rounds.map((round) => round[name].median_ms / round.ort.median_ms) : [];
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(3));
  const ratio = ratios.length ? `${median(ratios).toFixed(3)} (${least} to ${most})` : '';
  const [first, peak] = [Math.min(...turns.map((t) => t.first_ms)), Math.max(...turns.map((t) => t.peak_mb))];
  const ms = median(turns.map((turn) => turn.median_ms)).toFixed(1);
  console.log(`| ${turns[0].version} | ${ms} | ${ratio} | ${first.toFixed(0)} | ${peak.toFixed(0)} |`);
}
if (a.json) fs.writeFileSync(a.json, `${JSON.stringify({ arch: a.arch, node: process.version, rounds }, null, 1)}\n`);
