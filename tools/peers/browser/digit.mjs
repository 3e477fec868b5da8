// From navigation to the first digit that the embedded network has read.
export default async ({ engine }) => {
  const { default: init, Classifier } = await import('/ours/densenet_wgpu.js');
  await init();
  const classifier = await Classifier.embedded({ engine });
  const picture = await (await fetch('/digits/5-plain.png')).blob();
  const { top: [{ label }] } = await classifier.classify(picture);
  const first_ms = performance.now();
  if (label !== '5') throw new Error(`a 5 is taken for a ${label}`);
  return { version: classifier.adapter.description, first_ms };
};
