// Keeps the page for when there is no network, as it was built: all of its files or none, so that no old script meets a new module.
// `cargo xtask web` puts their hash here.
const CACHE = 'densenet-page-unbuilt';
const FILES = ['./', 'app.js', 'draw.js', 'maps.js', 'network.js', 'worker.js', 'style.css', 'manifest.webmanifest',
  'pkg/densenet_wgpu.js', 'pkg/densenet_wgpu_bg.wasm'];

addEventListener('install', event => {
  skipWaiting();
  // What a host lets browsers keep may be of another version.
  event.waitUntil(caches.open(CACHE).then(cache => cache.addAll(FILES.map(file => new Request(file, { cache: 'reload' })))));
});
addEventListener('activate', event => event.waitUntil((async () => {
  const others = (await caches.keys()).filter(name => name.startsWith('densenet-page-') && name !== CACHE);
  await Promise.all(others.map(name => caches.delete(name)));
  await clients.claim();
})()));
addEventListener('fetch', event => {
  if (event.request.method !== 'GET' || new URL(event.request.url).origin !== location.origin) return;
  event.respondWith((async () => await (await caches.open(CACHE)).match(event.request) ?? fetch(event.request))());
});
