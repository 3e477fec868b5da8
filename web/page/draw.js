// Drawing a digit, by pointer or by the arrow keys. White ink on black, as the digits that the network knows.
const SIDE = 280;
const INK = 22;

/** Makes the canvas one to draw on; `changed` is called after each stroke. Returns { start, stop, pixels }. */
export function drawing(canvas, changed) {
  const context = canvas.getContext('2d', { willReadFrequently: true });
  let on = false, at = null, pen = { x: SIDE / 2, y: SIDE / 2 }, empty = true;

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) * SIDE / box.width, y: (event.clientY - box.top) * SIDE / box.height };
  }
  function line(from, to) {
    context.strokeStyle = '#fff';
    context.lineWidth = INK;
    context.lineCap = context.lineJoin = 'round';
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    empty = false;
  }
  function start() {
    on = true; empty = true; at = null;
    canvas.width = canvas.height = SIDE;
    context.fillStyle = '#000';
    context.fillRect(0, 0, SIDE, SIDE);
    canvas.classList.add('drawing');
    canvas.tabIndex = 0;
    // Not a picture, whose arrow keys are the screen reader's.
    canvas.setAttribute('role', 'application');
    canvas.setAttribute('aria-label', 'Drawing: draw with a pointer, or with Shift and the arrow keys');
    pen = { x: SIDE / 2, y: SIDE / 5 };
  }
  function stop() {
    on = false;
    canvas.classList.remove('drawing');
    canvas.removeAttribute('tabindex');
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', 'The picture');
  }
  canvas.addEventListener('pointerdown', event => {
    if (!on) return;
    canvas.setPointerCapture(event.pointerId);
    at = place(event);
    line(at, at);
    event.preventDefault();
  });
  canvas.addEventListener('pointermove', event => {
    if (!on || !at) return;
    const to = place(event);
    line(at, to);
    at = to;
  });
  for (const name of ['pointerup', 'pointercancel']) canvas.addEventListener(name, () => { if (at) { at = null; changed(); } });
  canvas.addEventListener('keydown', event => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = steps[event.key];
    if (!on || !step) return;
    event.preventDefault();
    const inside = value => Math.min(SIDE - 20, Math.max(20, value));
    const to = { x: inside(pen.x + 14 * step[0]), y: inside(pen.y + 14 * step[1]) };
    // Without Shift the pen moves and leaves no ink.
    if (event.shiftKey) { line(pen, to); changed(); }
    pen = to;
  });
  return { start, stop, isOn: () => on, isEmpty: () => empty, pixels: () => context.getImageData(0, 0, SIDE, SIDE) };
}
