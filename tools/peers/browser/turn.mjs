// One turn of a runtime, in a page of its own. If the logits differ from PyTorch's, nothing is timed.
const WARMUP = 5, TOLERANCE = 1e-3;

const floats = async (url) => new Float32Array(await (await fetch(url)).arrayBuffer());

export default async ({ peer, runs, budget, ...words }) => {
  const { open } = await import(`./${peer}.mjs`);
  const image = await floats('/image');
  const { run, version } = await open(words);
  const got = await run(image);
  const first_ms = performance.now(); // since navigation began
  const error = difference(got, await floats('/logits'));
  if (!(error < TOLERANCE)) throw new Error(`wrong logits: ${error} of the largest away from PyTorch's`);

  async function timed() {
    const start = performance.now();
    await run(image);
    return performance.now() - start;
  }
  // The first run has warmed up what takes seconds a run.
  const allowed = Number(budget) * 1000, start = performance.now();
  for (let i = 0; i < WARMUP && performance.now() - start < allowed / 4 && first_ms < allowed; i++) await timed();
  const times = [], after = performance.now();
  while (times.length < Number(runs) && (times.length < 2 || performance.now() - after < allowed)) times.push(await timed());
  return { version, first_ms, times_ms: times, error, code_mb: code() / 1e6 };
};

/** How many bytes of scripts and modules were loaded. */
function code() {
  const loaded = performance.getEntriesByType('resource').filter(({ name }) => /\/(ours|npm)\//.test(name));
  return loaded.reduce((bytes, entry) => bytes + entry.decodedBodySize, 0);
}

/** The largest difference, in units of the largest logit. */
function difference(got, want) {
  if (got.length !== want.length) throw new Error(`wrong logits: ${got.length} in place of ${want.length}`);
  let largest = 0, error = 0;
  for (let i = 0; i < want.length; i++) {
    largest = Math.max(largest, Math.abs(want[i]));
    error = Math.max(error, Number.isFinite(got[i]) ? Math.abs(got[i] - want[i]) : Infinity);
  }
  return error / largest;
}
