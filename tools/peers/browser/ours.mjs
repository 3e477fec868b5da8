// This package, as its README says.
export async function open({ arch, engine, kernels }) {
  const { default: init, Classifier } = await import('/ours/densenet_wgpu.js');
  await init();
  const classifier = await Classifier.load(`/models/${arch}.safetensors`, { engine, ...kernels && { kernels } });
  const run = async (image) => (await classifier.classify({ tensor: image, shape: [3, 224, 224] })).logits;
  return { run, version: `ours, ${classifier.adapter.description}` };
}
