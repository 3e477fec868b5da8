// The worker, as functions that give promises.
const worker = new Worker('./worker.js', { type: 'module' });
const waiting = new Map();
let last = 0;

worker.onmessage = ({ data: { id, value, error, progress } }) => {
  const request = waiting.get(id);
  if (!request) return;
  if (progress) { request.tell?.(progress); return; }
  waiting.delete(id);
  if (error) request.reject(Object.assign(new Error(error.message), { name: error.name }));
  else request.resolve(value);
};
worker.onerror = event => {
  const reason = new Error(event.message || 'the network could not be started');
  for (const { reject } of waiting.values()) reject(reason);
  waiting.clear();
};

function ask(task, request, tell) {
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
export const stop = () => worker.postMessage({ task: 'stop' });
