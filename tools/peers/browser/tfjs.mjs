// TF.js, which has no DenseNet: the graph is built of its operations as its converter would leave it, with the weights of the same
// safetensors file. A norm behind a convolution is folded into it and the ReLU fused to it; one before a convolution stays.
const EPSILON = 1e-5;

export async function open({ arch, engine }) {
  await script('/npm/@tensorflow/tfjs/dist/tf.min.js');
  await script(`/npm/@tensorflow/tfjs-backend-${engine}/dist/tf-backend-${engine}.min.js`);
  const tf = window.tf;
  if (!await tf.setBackend(engine)) throw new Error(`TF.js has no backend ${engine} here`);
  await tf.ready();
  const forward = network(tf, await safetensors(`/models/${arch}.safetensors`));
  const run = async (image) => {
    const logits = tf.tidy(() => forward(tf.transpose(tf.tensor(image, [1, 3, 224, 224]), [0, 2, 3, 1])));
    const data = await logits.data();
    logits.dispose();
    return data;
  };
  return { run, version: `TF.js ${tf.version.tfjs}, ${tf.getBackend()}` };
}

const script = (src) => new Promise((resolve, reject) => {
  const element = Object.assign(document.createElement('script'), { src, onload: resolve, onerror: () => reject(new Error(`no ${src}`)) });
  document.head.append(element);
});

/** The tensors of a file of f32: name to shape and values. */
async function safetensors(url) {
  const bytes = await (await fetch(url)).arrayBuffer();
  const start = 8 + Number(new DataView(bytes).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, start - 8)));
  const tensors = new Map();
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header)) {
    if (dtype === 'F32') tensors.set(name, { shape, data: new Float32Array(bytes.slice(start + from, start + to)) });
  }
  return tensors;
}

/** The graph of torchvision's DenseNets on [1, height, width, channels]. */
function network(tf, tensors) {
  /** The scale and the shift that a norm comes to. */
  const norm = (name) => {
    const [weight, bias, mean, variance] =
      ['weight', 'bias', 'running_mean', 'running_var'].map((part) => tensors.get(`${name}.${part}`).data);
    const scale = weight.map((value, i) => value / Math.sqrt(variance[i] + EPSILON));
    return { scale, shift: bias.map((value, i) => value - mean[i] * scale[i]) };
  };
  /** A convolution, with the norm behind it if there is one. */
  const conv = (name, stride, folded) => {
    const { shape: [outputs, inputs, height, width], data } = tensors.get(`${name}.weight`);
    const { scale, shift } = folded ? norm(folded) : {};
    const area = height * width, filter = new Float32Array(data.length);
    for (let from = 0, output = 0; output < outputs; output++) {
      for (let input = 0; input < inputs; input++) {
        for (let at = 0; at < area; at++) filter[(at * inputs + input) * outputs + output] = data[from++] * (scale?.[output] ?? 1);
      }
    }
    const fixed = {
      filter: tf.tensor(filter, [height, width, inputs, outputs]), strides: stride, pad: (height - 1) / 2,
      ...folded && { bias: tf.tensor(shift), activation: 'relu' },
    };
    return (x) => tf.fused.conv2d({ x, ...fixed });
  };
  /** A norm and its ReLU with no convolution before them. */
  const normRelu = (name) => {
    const { scale, shift } = norm(name), size = scale.length;
    const [ones, zeros, gamma, beta] = [tf.ones([size]), tf.zeros([size]), tf.tensor(scale), tf.tensor(shift)];
    return (x) => tf.relu(tf.batchNorm(x, zeros, ones, beta, gamma, 0));
  };

  const steps = [conv('features.conv0', 2, 'features.norm0'), (x) => tf.maxPool(x, 3, 2, 1)];
  for (let block = 1; tensors.has(`features.denseblock${block}.denselayer1.conv1.weight`); block++) {
    for (let layer = 1; tensors.has(`features.denseblock${block}.denselayer${layer}.conv1.weight`); layer++) {
      const name = `features.denseblock${block}.denselayer${layer}`;
      const parts = [normRelu(`${name}.norm1`), conv(`${name}.conv1`, 1, `${name}.norm2`), conv(`${name}.conv2`, 1)];
      steps.push((x) => tf.concat([x, parts.reduce((value, part) => part(value), x)], 3));
    }
    const transition = `features.transition${block}`;
    if (!tensors.has(`${transition}.conv.weight`)) break;
    steps.push(normRelu(`${transition}.norm`), conv(`${transition}.conv`, 1), (x) => tf.avgPool(x, 2, 2, 'valid'));
  }
  const { shape, data } = tensors.get('classifier.weight');
  const weight = tf.tensor(data, shape), bias = tf.tensor(tensors.get('classifier.bias').data);
  steps.push(normRelu('features.norm5'), (x) => tf.mean(x, [1, 2]), (x) => tf.add(tf.matMul(x, weight, false, true), bias));
  return (x) => steps.reduce((value, step) => step(value), x);
}
