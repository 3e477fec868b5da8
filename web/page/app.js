// The page: what people do, and what they see.
import { drawing } from './draw.js';
import { sheet } from './maps.js';
import { classify, load, stop } from './network.js';

const at = id => document.getElementById(id);
const view = at('view'), map = at('map');
let network = null, picture = null, tap = null, running = false, again = false;
/** Of the weights that load, or are loaded: the latest choice counts. */
let chosen = null, loads = 0;

const pen = drawing(view, () => { picture = pen.pixels(); run(); });

function fail(error) {
  if (error.name === 'AbortError') return;
  at('reason').textContent = error.message;
  at('error').hidden = false;
}
function clearError() { at('error').hidden = true; }

const megabytes = bytes => `${(bytes / 1e6).toFixed(1)} MB`;

async function open(file) {
  const number = ++loads;
  chosen = file;
  clearError();
  const bar = at('progress');
  bar.hidden = at('stop').hidden = false;
  bar.removeAttribute('value');
  at('network').textContent = file ? `Loading ${file.name} …` : 'Loading the digit model …';
  try {
    const next = await load(file, at('engine').value, ({ done, total }) => {
      if (number !== loads) return;
      if (total) { bar.max = total; bar.value = done; } else bar.removeAttribute('value');
    });
    if (number !== loads) return;
    network = { ...next, file };
    describe();
    parts();
    at('digits-button').hidden = !file;
    if (picture) await run();
  } catch (error) {
    if (number !== loads) return;
    chosen = network?.file ?? null;
    if (network) describe(); else at('network').textContent = 'No network is loaded.';
    fail(error);
  } finally {
    if (number === loads) bar.hidden = at('stop').hidden = true;
  }
}

function describe() {
  const { adapter, architecture, labels, file } = network;
  const what = [adapter.vendor, adapter.architecture].filter(Boolean).join(' ');
  const engine = adapter.engine === 'gpu' ? `WebGPU${what ? ` (${what}${adapter.isFallback ? ', in software' : ''})` : ''}` : adapter.description;
  at('network').textContent = `${file?.name ?? 'Handwritten digits'}: ${architecture}, ${labels.length} classes, on the ${engine}`
    + network.warnings.map(text => `. Note: ${text}`).join('');
}

function draw() {
  pen.start();
  picture = null;
  at('hint').textContent = 'Draw a digit, with a pointer or with Shift and the arrow keys. Or drop, paste or choose a picture.';
  clearAnswer();
}

function clearAnswer() {
  map.hidden = at('maps').hidden = true;
  at('verdict').textContent = 'None yet.';
  at('bars').replaceChildren();
  at('facts').textContent = '';
}

async function show(file) {
  clearError();
  try {
    const bitmap = await createImageBitmap(file);
    pen.stop();
    const scale = Math.min(1, 1024 / Math.max(bitmap.width, bitmap.height));
    view.width = Math.max(1, Math.round(bitmap.width * scale));
    view.height = Math.max(1, Math.round(bitmap.height * scale));
    view.getContext('2d').drawImage(bitmap, 0, 0, view.width, view.height);
    bitmap.close();
    at('hint').textContent = file.name ?? 'A picture from the clipboard';
    picture = file;
    await run();
  } catch (error) {
    fail(error.name === 'InvalidStateError' ? new Error(`${file.name}: not a picture that this browser can show`) : error);
  }
}

/** Classifies the picture; what changes meanwhile is classified afterwards. */
async function run() {
  if (!picture || !network) return;
  if (running) { again = true; return; }
  running = true;
  try {
    do {
      again = false;
      const [asked, of] = [picture, network];
      const result = await classify(asked, { top: 5, cam: of.labels.length > 0, taps: tap ? [tap] : [] });
      // Meanwhile there may be another picture, or none, or another network.
      if (asked !== picture || of !== network) continue;
      clearError();
      answer(result);
    } while (again && picture);
  } catch (error) {
    clearAnswer();
    fail(error);
  } finally {
    running = false;
  }
}

function answer(result) {
  const [best] = result.top;
  const percent = score => score >= 0 && score <= 1 ? `${(100 * score).toFixed(1)} %` : score.toFixed(3);
  at('verdict').textContent = best ? `${best.label}, ${percent(best.score)}` : 'This network has no classes.';
  at('bars').replaceChildren(...result.top.map(({ label, score }) => {
    const item = document.createElement('li'), bar = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    const rect = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    bar.setAttribute('aria-hidden', 'true');
    rect.setAttribute('height', '100%');
    rect.setAttribute('width', `${100 * Math.min(1, Math.max(0, score))}%`);
    bar.append(rect);
    const [name, value] = [document.createElement('span'), document.createElement('span')];
    [name.className, value.className] = ['label', 'score'];
    [name.textContent, value.textContent] = [label, percent(score)];
    item.append(bar, name, value);
    return item;
  }));
  at('facts').textContent = [`${result.ms.toFixed(0)} ms`, network.adapter.description, megabytes(result.bytes), ...result.warnings].join(' · ');
  if (result.cam) {
    [map.width, map.height] = [result.cam.width, result.cam.height];
    map.getContext('2d').putImageData(result.cam, 0, 0);
  }
  map.hidden = !result.cam;
  const maps = result.taps?.[tap];
  at('maps').hidden = !maps;
  if (maps) {
    at('maps-caption').textContent = `${tap}: ${maps.channels} maps of ${maps.width}×${maps.height}`;
    sheet(at('maps-canvas'), maps);
  }
}

/** Buttons for the parts of the network, block by block. */
function parts() {
  const groups = [];
  for (const layer of network.layers) {
    const title = layer.kind === 'stem' ? 'stem' : layer.kind === 'transition' ? `transition ${layer.block + 1}` : `block ${layer.block + 1}`;
    if (groups.at(-1)?.title !== title) groups.push({ title, layers: [] });
    groups.at(-1).layers.push(layer);
  }
  if (!network.layers.some(({ name }) => name === tap)) tap = null;
  at('maps').hidden = !tap;
  at('blocks').replaceChildren(...groups.map(({ title, layers }) => {
    const group = document.createElement('fieldset'), legend = document.createElement('legend');
    legend.textContent = title;
    group.append(legend, ...layers.map((layer, number) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = layer.kind === 'layer' ? `${number + 1}` : layer.kind === 'block' ? 'all' : `${layer.channels}`;
      button.setAttribute('aria-label', `${title}, ${layer.kind === 'layer' ? `layer ${number + 1}` : 'output'}: ${layer.channels} channels`);
      button.setAttribute('aria-pressed', String(layer.name === tap));
      button.addEventListener('click', () => {
        tap = tap === layer.name ? null : layer.name;
        for (const other of at('blocks').querySelectorAll('button')) other.setAttribute('aria-pressed', String(other === button && tap !== null));
        at('maps').hidden = true;
        run();
      });
      return button;
    }));
    return group;
  }));
}

const forward = (button, input) => at(button).addEventListener('click', () => at(input).click());
forward('weights-button', 'weights');
forward('picture-button', 'file');
forward('photo-button', 'photo');
const whenChosen = (input, use) => at(input).addEventListener('change', event => {
  const [file] = event.target.files;
  event.target.value = '';
  if (file) use(file);
});
const isWeights = file => /\.(safetensors|pth|pt|bin|h5|keras|onnx|tar)$/i.test(file.name ?? '');
const use = file => isWeights(file) ? open(file) : show(file);
whenChosen('weights', open);
whenChosen('file', show);
whenChosen('photo', show);
at('clear').addEventListener('click', draw);
at('stop').addEventListener('click', stop);
at('digits-button').addEventListener('click', () => open(null));
at('engine').addEventListener('change', () => open(chosen));
at('close').addEventListener('click', clearError);
at('opacity').addEventListener('input', ({ target }) => {
  map.style.opacity = target.value / 100;
  at('opacity-value').textContent = target.value === '0' ? 'off' : `${target.value} %`;
});
addEventListener('dragover', event => { event.preventDefault(); at('drop').classList.add('over'); });
addEventListener('dragleave', () => at('drop').classList.remove('over'));
addEventListener('drop', event => {
  event.preventDefault();
  at('drop').classList.remove('over');
  [...event.dataTransfer.files].forEach(use);
});
addEventListener('paste', event => [...event.clipboardData.files].forEach(use));
addEventListener('keydown', event => { if (event.key === 'Escape') clearError(); });

navigator.serviceWorker?.register('./sw.js').catch(() => { /* The page works without it, but not offline. */ });
draw();
open(null);
