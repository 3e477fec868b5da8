// Times this package, ONNX Runtime Web and TF.js in one Chromium, in turn, each in a page of its own.
//
//     node compare_browser.mjs --models DIR --ours DIR --npm DIR [--arch densenet121] [--rounds 3] [--runs 10] [--budget 20]
//         [--only NAME,..] [--webgpu=FLAGS] [--json F.json]
//
// DIR of --models is compare_peers.py's, of --ours the package's folder, of --npm the node_modules; README.md says how to make them.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Chromium } from './chromium.mjs';
import { serve } from './serve.mjs';
import { print } from './table.mjs';

/** What is opened: a page's task and its words. */
const TURNS = {
  ours_gpu: { task: 'turn', peer: 'ours', engine: 'gpu' },
  ours_texture: { task: 'turn', peer: 'ours', engine: 'gpu', kernels: 'texture' },
  ort_webgpu: { task: 'turn', peer: 'ort', engine: 'webgpu' },
  tfjs_webgpu: { task: 'turn', peer: 'tfjs', engine: 'webgpu' },
  ours_cpu: { task: 'turn', peer: 'ours', engine: 'cpu' },
  ort_wasm: { task: 'turn', peer: 'ort', engine: 'wasm' },
  blocked_gpu: { task: 'blocked', engine: 'gpu' },
  blocked_cpu: { task: 'blocked', engine: 'cpu' },
  digit_gpu: { task: 'digit', engine: 'gpu' },
  digit_cpu: { task: 'digit', engine: 'cpu' },
  digit_auto: { task: 'digit', engine: 'auto' },
};
/** How long one page may take, in seconds. */
const PATIENCE = 1200;

const string = (value) => ({ type: 'string', default: value });
const { values: a } = parseArgs({
  options: {
    models: string(), ours: string(), npm: string(), arch: string('densenet121'), rounds: string('3'), runs: string('10'), budget: string('20'),
    only: string(Object.keys(TURNS).join()), webgpu: string('--enable-unsafe-webgpu --use-webgpu-adapter=swiftshader'), json: string(),
  },
});
for (const folder of [a.models, a.ours, a.npm].filter((folder) => folder && !fs.existsSync(folder))) {
  console.error(`there is no ${folder}`);
  process.exit(2);
}
const names = a.only.split(',').filter((name) => TURNS[name] && (a.npm || !/^(ort|tfjs)/.test(name)));
if (!a.models || !a.ours || !names.length) {
  console.error('usage: node compare_browser.mjs --models DIR --ours DIR --npm DIR');
  process.exit(2);
}

/** The first row of a .npy file of float32. */
function row(what) {
  const bytes = fs.readFileSync(path.join(a.models, `${a.arch}.${what}.npy`)), start = 10 + bytes.readUInt16LE(8);
  const shape = /'shape': \(([\d, ]*)\)/.exec(bytes.toString('latin1', 10, start))[1];
  const [, ...rest] = shape.split(',').filter((length) => length.trim()).map(Number);
  return bytes.subarray(start, start + rest.reduce((a, b) => a * b, 4));
}

const here = import.meta.dirname;
const address = await serve({
  '/image': row('input'), '/logits': row('logits'), '/models/': a.models, '/ours/': a.ours, ...a.npm && { '/npm/': a.npm },
  '/digits/': path.join(here, '../../../tests/images/digits'), '/': here,
});
const chromium = await Chromium.start(a.webgpu.split(' ').filter(Boolean));
const rounds = [];
for (let number = 0; number < Number(a.rounds); number++) {
  // Everyone comes after another neighbour in each round.
  const turned = [...names.slice(number % names.length), ...names.slice(0, number % names.length)];
  const order = number % 2 ? turned.reverse() : turned;
  const round = {};
  for (const name of order) {
    const words = new URLSearchParams({ ...TURNS[name], arch: a.arch, runs: a.runs, budget: a.budget });
    const load_average = os.loadavg()[0];
    try {
      round[name] = { ...await chromium.result(`${address}/page.html?${words}`, PATIENCE), load_average };
    } catch (error) {
      console.error(`${name}: ${error.message}`);
      process.exitCode = 1;
    }
    console.error(`round ${number + 1}: ${name} ${JSON.stringify(round[name])}`);
  }
  rounds.push(round);
}
await chromium.end();
if (!rounds.some((round) => Object.keys(round).length)) process.exit(1);
const about = { arch: a.arch, browser: chromium.version, processor: os.cpus()[0].model, cores: os.cpus().length, flags: a.webgpu };
if (a.json) fs.writeFileSync(a.json, `${JSON.stringify({ ...about, rounds }, null, 1)}\n`);
print(about, names, rounds);
