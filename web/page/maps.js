// Feature maps as a sheet of grey pictures.

/** Draws [channels, height, width] maps on the canvas, each from its least to its largest value. */
export function sheet(canvas, { channels, height, width, data }) {
  const columns = Math.ceil(Math.sqrt(channels * 1.6)), rows = Math.ceil(channels / columns);
  const [cell, line] = [width + 1, height + 1];
  canvas.width = columns * cell - 1;
  canvas.height = rows * line - 1;
  const picture = new ImageData(canvas.width, canvas.height);
  for (let channel = 0; channel < channels; channel++) {
    const from = channel * height * width, map = data.subarray(from, from + height * width);
    let least = Infinity, most = -Infinity;
    for (const value of map) { least = Math.min(least, value); most = Math.max(most, value); }
    const scale = most > least ? 255 / (most - least) : 0;
    const left = channel % columns * cell, top = Math.floor(channel / columns) * line;
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
      const grey = (map[y * width + x] - least) * scale, at = 4 * ((top + y) * canvas.width + left + x);
      picture.data.set([grey, grey, grey, 255], at);
    }
  }
  canvas.getContext('2d').putImageData(picture, 0, 0);
  // Small maps are enlarged by whole pixels.
  canvas.style.width = `${canvas.width * Math.max(1, Math.floor(640 / canvas.width))}px`;
}
