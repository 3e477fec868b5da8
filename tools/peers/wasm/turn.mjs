// One turn of a runtime in WebAssembly, in a process of its own; compare_wasm.mjs starts it.
//
//     node turn.mjs PEER MODELS ARCH RUNS FOLDER
//
// FOLDER holds the runtime: `ours` as bindgen writes it, or the folder in which npm installed onnxruntime-web. Prints one line of
// JSON with the fields of python_peers.py. If the logits differ from PyTorch's, nothing is timed.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const WARMUP = 5, SIZE = 224, TOLERANCE = 1e-3;
const [name, models, arch, runs, folder] = process.argv.slice(2);
const need = createRequire(path.resolve(folder, 'index.js'));

/** The first row of a .npy file of float32. */
function npy(file) {
  const bytes = fs.readFileSync(file), header = bytes.readUInt16LE(8);
  const shape = /'shape': \(([\d, ]*)\)/.exec(bytes.toString('latin1', 10, 10 + header))[1];
  const [, ...rest] = shape.split(',').filter((length) => length.trim()).map(Number);
  const row = rest.reduce((a, b) => a * b, 1), start = 10 + header;
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + start + 4 * row));
}

const PEERS = {
  async ours() {
    const module = need('./wasm_ours.js');
    const network = await module.load(fs.readFileSync(path.join(models, `${arch}.safetensors`)), SIZE);
    return { run: (image) => network.run(image), version: `ours, ${network.instructions()}` };
  },
  async ort() {
    const ort = need('onnxruntime-web');
    ort.env.wasm.numThreads = 1;
    const options = { executionProviders: ['wasm'], graphOptimizationLevel: 'all', freeDimensionOverrides: { batch: 1 } };
    const session = await ort.InferenceSession.create(fs.readFileSync(path.join(models, `${arch}.onnx`)), options);
    return {
      run: async (image) => (await session.run({ input: new ort.Tensor('float32', image, [1, 3, SIZE, SIZE]) })).logits.data,
      version: `ONNX Runtime Web ${ort.env.versions.web}, wasm`,
    };
  },
};

const image = npy(path.join(models, `${arch}.input.npy`)), want = npy(path.join(models, `${arch}.logits.npy`));
const { run, version } = await PEERS[name]();
const got = await run(image);
const first_ms = performance.now(); // since the process was started
if (got.length !== want.length) throw new Error(`wrong logits: ${got.length} in place of ${want.length}`);
let [low, high, error] = [Infinity, -Infinity, 0];
for (let i = 0; i < want.length; i++) {
  low = Math.min(low, want[i]);
  high = Math.max(high, want[i]);
  error = Math.max(error, Number.isFinite(got[i]) ? Math.abs(got[i] - want[i]) : Infinity);
}
error /= high - low;
if (!(error < TOLERANCE)) throw new Error(`wrong logits: ${error} of their range away from PyTorch's`);

async function timed() {
  const start = performance.now();
  await run(image);
  return performance.now() - start;
}
for (let i = 0; i < WARMUP; i++) await timed();
const used = process.cpuUsage(), start = performance.now(), times = [];
for (let i = 0; i < Number(runs); i++) times.push(await timed());
const spent = process.cpuUsage(used), busy = (spent.user + spent.system) / 1e3 / (performance.now() - start);
times.sort((a, b) => a - b);
const median = (times[(times.length - 1) >> 1] + times[times.length >> 1]) / 2;
const status = '/proc/self/status';
const peak = fs.existsSync(status) ? Number(/VmHWM:\s*(\d+)/.exec(fs.readFileSync(status, 'utf8'))[1]) * 1024 / 1e6 : null;
const result = { version, median_ms: median, min_ms: times[0], runs: times.length, first_ms, peak_mb: peak, busy, error };
console.log(JSON.stringify(result));
// ONNX Runtime keeps something alive.
process.exit(0);
