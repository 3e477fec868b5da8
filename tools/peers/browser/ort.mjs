// ONNX Runtime Web; the engine is its execution provider. Each has a bundle of its own, as its documentation advises.
export async function open({ arch, engine }) {
  const ort = await import(`/npm/onnxruntime-web/dist/ort.${engine}.bundle.min.mjs`);
  ort.env.wasm.wasmPaths = '/npm/onnxruntime-web/dist/';
  ort.env.wasm.numThreads = 1;
  const options = { executionProviders: [engine], graphOptimizationLevel: 'all', freeDimensionOverrides: { batch: 1 } };
  const session = await ort.InferenceSession.create(`/models/${arch}.onnx`, options);
  const run = async (image) => {
    const { logits } = await session.run({ input: new ort.Tensor('float32', image, [1, 3, 224, 224]) });
    return logits.getData();
  };
  return { run, version: `ONNX Runtime Web ${ort.env.versions.web}, ${engine}, 1 thread` };
}
