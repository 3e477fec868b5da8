// The worker, as functions that give promises.
const waiting = new Map();
let last = 0, worker = null, ended = null;

/** The module is the last thing that is fetched: then the page forbids itself every connection, and the worker with it. A worker of a
 *  file has no policy but its server's, one of a blob has its page's. Once the worker has its scripts, the page needs none either. */
async function start() {
  const response = await fetch('./pkg/densenet_wgpu_bg.wasm');
  forbid("connect-src 'none'");
  const script = `import ${JSON.stringify(new URL('./worker.js', import.meta.url).href)};`;
  worker = new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })), { type: 'module' });
  worker.onmessage = receive;
  worker.onerror = event => end(new Error(event.message || 'the network could not be started'));
  worker.postMessage({ task: 'start', module: await WebAssembly.compileStreaming(response) });
}

function forbid(rule) {
  const policy = document.createElement('meta');
  policy.httpEquiv = 'Content-Security-Policy';
  policy.content = rule;
  document.head.append(policy);
}
const started = start().catch(end);

function receive({ data: { id, value, error, progress, begun } }) {
  if (begun) { forbid("default-src 'none'; img-src blob: data:"); return; }
  const request = waiting.get(id);
  if (!request) return;
  if (progress) { request.tell?.(progress); return; }
  waiting.delete(id);
  if (error) request.reject(Object.assign(new Error(error.message), { name: error.name }));
  else request.resolve(value);
}

function end(reason) {
  ended = reason;
  for (const { reject } of waiting.values()) reject(reason);
  waiting.clear();
}

async function ask(task, request, tell) {
  await started;
  if (ended) throw ended;
  const id = ++last;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject, tell });
    worker.postMessage({ id, task, ...request });
  });
}

/** Loads a file of weights, or the digit model without one. */
export const load = (file, engine, tell) => ask('load', { file, engine }, tell);
/** Classifies a picture: a Blob or ImageData. */
export const classify = (picture, options) => ask('classify', { picture, options });
/** Ends what is loading. */
export const stop = () => worker?.postMessage({ task: 'stop' });
