// The tables that compare_browser.mjs prints.

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};
const ms = (value) => value.toFixed(value < 100 ? 1 : 0);
/** Ours on the same kind of hardware. */
const rival = (name) => (/cpu|wasm/.test(name) ? 'ours_cpu' : 'ours_gpu');

export function print({ arch, browser, processor, cores }, names, rounds) {
  const of = (name) => rounds.map((round) => round[name]).filter(Boolean);
  const loads = rounds.flatMap((round) => Object.values(round).map((turn) => turn.load_average));
  console.log(`${arch}, batch 1, ${browser}, ${processor}, ${cores} cores, load ${Math.min(...loads)} to ${Math.max(...loads)}`);
  const shown = (task) => names.filter((name) => of(name).length && task(name));

  const runtimes = shown((name) => /^(ours|ort|tfjs)/.test(name));
  if (runtimes.length) {
    head('runtime', 'median ms', 'times ours, median (min to max)', 'first answer, first round, ms', 'best of later ones', 'code, MB', 'error');
  }
  for (const name of runtimes) {
    const turns = of(name), [first, ...later] = turns.map((turn) => turn.first_ms);
    const both = rounds.filter((round) => name !== rival(name) && round[name] && round[rival(name)]);
    const ratios = both.map((round) => median(round[name].times_ms) / median(round[rival(name)].times_ms));
    const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2));
    line(
      turns[0].version, ms(median(turns.map((turn) => median(turn.times_ms)))),
      ratios.length ? `${median(ratios).toFixed(2)} (${least} to ${most})` : '', ms(first), later.length ? ms(Math.min(...later)) : '',
      turns[0].code_mb.toFixed(1), Math.max(...turns.map((turn) => turn.error)).toExponential(1),
    );
  }

  const blocked = shown((name) => name.startsWith('blocked'));
  if (blocked.length) head('ours in the page', 'of', 'ms', 'longest task, ms', 'longest wait for a turn, ms');
  for (const name of blocked) {
    for (const span of ['init', 'load', 'first', 'second']) {
      const spans = of(name).map((turn) => turn.spans[span]), middle = (of) => ms(median(spans.map(of)));
      const task = median(spans.map((span) => span.task_ms));
      line(of(name)[0].version, span, middle((span) => span.ms), task ? ms(task) : 'below 50', middle((span) => span.wait_ms));
    }
  }

  const digits = shown((name) => name.startsWith('digit'));
  if (digits.length) head('embedded network', 'first digit, first round, ms', 'median');
  for (const name of digits) {
    const turns = of(name).map((turn) => turn.first_ms);
    line(`${name.slice(6)}: ${of(name)[0].version}`, ms(turns[0]), ms(median(turns)));
  }
}

function head(...cells) {
  console.log();
  line(...cells);
  console.log(`|${'---|'.repeat(cells.length)}`);
}

function line(...cells) {
  console.log(`| ${cells.join(' | ')} |`);
}
