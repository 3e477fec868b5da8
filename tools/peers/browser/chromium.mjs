// Chromium, steered through its WebDriver.
import { spawn } from 'node:child_process';
import readline from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

/** Those of tests/browser. */
const FLAGS = [
  '--headless=new', '--no-sandbox', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-quic', '--window-size=1280,900',
];

export class Chromium {
  #driver;
  #session;
  #first;

  static async start(flags) {
    const chromium = new Chromium();
    chromium.#driver = spawn('chromedriver', ['--port=0'], { stdio: ['ignore', 'pipe', 'ignore'] });
    process.on('exit', () => chromium.#driver.kill());
    chromium.#session = `http://127.0.0.1:${await port(chromium.#driver)}`;
    // A page that computes may keep its `load` event back.
    const options = { 'goog:chromeOptions': { args: [...FLAGS, ...flags] }, pageLoadStrategy: 'none' };
    const { sessionId, capabilities } = await chromium.#ask('POST', '/session', { capabilities: { alwaysMatch: options } });
    chromium.#session += `/session/${sessionId}`;
    chromium.version = `${capabilities.browserName} ${capabilities.browserVersion}`;
    chromium.#first = await chromium.#ask('GET', '/window');
    return chromium;
  }

  /** Opens a page in a window of its own and gives its `result`. */
  async result(url, seconds) {
    const { handle } = await this.#ask('POST', '/window/new', { type: 'window' });
    await this.#ask('POST', '/window', { handle });
    try {
      await this.#ask('POST', '/url', { url });
      for (const end = performance.now() + seconds * 1000; performance.now() < end; await wait(500)) {
        const result = await this.#ask('POST', '/execute/sync', { script: 'return window.result ?? null;', args: [] });
        if (result?.thrown) throw new Error(result.thrown);
        if (result) return result.value;
      }
      throw new Error(`no result within ${seconds} s`);
    } finally {
      await this.#ask('DELETE', '/window');
      await this.#ask('POST', '/window', { handle: this.#first });
    }
  }

  async end() {
    await this.#ask('DELETE', '');
    this.#driver.kill();
  }

  async #ask(method, path, body) {
    const response = await fetch(this.#session + path, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${value?.message}`);
    return value;
  }
}

/** The port that the driver chose, which it prints. */
async function port(driver) {
  const failed = new Promise((_, reject) => driver.on('error', (error) => reject(new Error(`chromedriver: ${error.message}`))));
  const printed = (async () => {
    for await (const line of readline.createInterface({ input: driver.stdout })) {
      const found = /started successfully on port (\d+)/.exec(line);
      if (!found) continue;
      // It must be able to go on printing.
      driver.stdout.resume();
      return found[1];
    }
    throw new Error('chromedriver ended');
  })();
  return Promise.race([failed, printed]);
}
