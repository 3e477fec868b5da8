// How long this package keeps a page from answering while it loads a network and computes on the page's own thread.
export default async ({ engine, arch }) => {
  const image = new Float32Array(await (await fetch('/image')).arrayBuffer());
  const tasks = [];
  const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries()));
  observer.observe({ type: 'longtask' });
  const spans = {};
  async function watched(name, work) {
    // In a task of its own.
    await pause(0);
    const stop = watch(), start = performance.now(), value = await work();
    spans[name] = { start, ms: performance.now() - start, wait_ms: stop() };
    return value;
  }

  const { default: init, Classifier } = await import('/ours/densenet_wgpu.js');
  await watched('init', () => init());
  const classifier = await watched('load', () => Classifier.load(`/models/${arch}.safetensors`, { engine }));
  const classify = () => classifier.classify({ tensor: image, shape: [3, 224, 224] });
  await watched('first', classify);
  await watched('second', classify);

  // The browser tells of long tasks when it has time.
  await pause(500);
  tasks.push(...observer.takeRecords());
  for (const span of Object.values(spans)) {
    const within = tasks.filter((task) => task.startTime < span.start + span.ms && task.startTime + task.duration > span.start);
    span.task_ms = Math.max(0, ...within.map((task) => task.duration)); // 0: none of over 50 ms
    delete span.start;
  }
  return { version: classifier.adapter.description, spans };
};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks for its turn again and again, every 4 ms as browsers allow it; what it returns stops that and gives the longest wait. */
function watch() {
  let last = performance.now(), longest = 0, timer;
  const tick = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    timer = setTimeout(tick, 0);
  };
  tick();
  return () => {
    tick();
    clearTimeout(timer);
    return longest;
  };
}
