// The network works here, so that the page never waits for it. Requests have a number, which their answers repeat.
import init, { Classifier } from './pkg/densenet_wgpu.js';

let begin;
const ready = new Promise(resolve => { begin = module => resolve(init({ module_or_path: module })); });
let classifier = null;
let loading = null;

async function load({ file, engine }, tell) {
  loading?.abort();
  const abort = loading = new AbortController();
  await ready;
  const options = { engine, signal: abort.signal, onProgress: tell };
  if (!file && !Classifier.embedded) throw new Error('This build has no digit model: open weights.');
  const next = await (file ? Classifier.load(file, options) : Classifier.embedded(options));
  // Of two that load, the later counts.
  if (abort.signal.aborted) { next.free(); throw abort.signal.reason; }
  const last = classifier;
  classifier = next;
  last?.free();
  const { adapter, labels, architecture, warnings, layers, bytes } = next;
  return { adapter, labels, architecture, warnings, layers, bytes };
}

async function classify({ picture, options }) {
  if (!classifier) throw new Error('no network is loaded yet');
  const result = await classifier.classify(picture, options);
  return { ...result, bytes: classifier.bytes };
}

onmessage = async ({ data: { id, task, ...request } }) => {
  try {
    if (task === 'start') { begin(request.module); postMessage({ begun: true }); return; }
    if (task === 'stop') { loading?.abort(); return; }
    const tell = progress => postMessage({ id, progress });
    postMessage({ id, value: await (task === 'load' ? load(request, tell) : classify(request)) });
  } catch (error) {
    postMessage({ id, error: { name: error?.name ?? 'Error', message: error?.message ?? String(error) } });
  }
};
