//! Ring 7: the page, as somebody meets it who has a keyboard.

mod browser;

use browser::{Browser, WebGpu, address};
use serde_json::{Value, json};

/// Waits until a condition holds, and returns what it returns.
fn until(browser: &Browser, condition: &str) -> Value {
    let body = format!(
        "for (let i = 0; i < 600; i++) {{
             const value = {condition};
             if (value) return value;
             await new Promise(go => setTimeout(go, 50));
         }}
         throw new Error('it never holds; the page says: ' + document.body.innerText);"
    );
    browser.run(&body, &[])
}

fn page(webgpu: WebGpu) -> Browser {
    let browser = Browser::start(webgpu);
    browser.open(&format!("{}/", address()));
    until(&browser, "document.getElementById('network').textContent.includes('10 classes')");
    browser
}

fn text(browser: &Browser, id: &str) -> String {
    browser.run("return document.getElementById(args[0]).textContent;", &[json!(id)]).as_str().unwrap().to_string()
}

/// A picture of the page, for people to look at: in target/tmp.
fn screenshot(browser: &Browser, name: &str, [width, height]: [u32; 2], scheme: &str) {
    browser.emulate(width, height, scheme);
    // Narrower than its content is what a page on a phone must never be.
    let overflow =
        browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth;", &[]);
    assert_eq!(overflow, json!(0), "{name} is wider than {width} pixels");
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("page-{name}.png"));
    std::fs::write(&path, browser.screenshot()).unwrap();
    println!("{}", path.display());
}

#[test]
fn a_digit_is_drawn_and_read_by_keyboard_alone() {
    let browser = page(WebGpu::None);
    // A one: to the canvas by Tab, then down with Shift.
    browser.run("document.body.focus();", &[]);
    let mut presses = 0;
    while browser.run("return document.activeElement.id;", &[]) != "view" {
        browser.press(&["\u{e004}"]);
        presses += 1;
        assert!(presses < 40, "Tab never comes to the canvas");
    }
    for _ in 0..12 {
        browser.press(&["\u{e008}", "\u{e015}"]);
    }
    until(&browser, "document.querySelectorAll('#bars li').length === 5");
    until(&browser, "document.getElementById('verdict').textContent.startsWith('1')");
    assert!(text(&browser, "facts").contains("CPU engine"), "{}", text(&browser, "facts"));
    // The class map by the arrow keys of its slider, and a part of the network by its button.
    browser.run("document.getElementById('opacity').focus();", &[]);
    browser.press(&["\u{e010}"]);
    assert_eq!(text(&browser, "opacity-value"), "100 %");
    browser.run("document.querySelector('#blocks button').focus();", &[]);
    browser.press(&["\u{e007}"]);
    until(&browser, "!document.getElementById('maps').hidden");
    assert!(text(&browser, "maps-caption").starts_with("features."), "{}", text(&browser, "maps-caption"));
    screenshot(&browser, "desktop", [1280, 1400], "light");
    screenshot(&browser, "desktop-dark", [1280, 1400], "dark");
    screenshot(&browser, "phone", [360, 2200], "light");
    screenshot(&browser, "phone-dark", [360, 2200], "dark");
    // Chromium notes that there is no WebGPU.
    let log = browser.log();
    let complaints: Vec<&Value> = log.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE").collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[test]
fn files_are_opened_and_mistakes_are_told() {
    let browser = page(WebGpu::SwiftShader);
    let root = env!("CARGO_MANIFEST_DIR");
    browser.choose("file", &format!("{root}/tests/images/digits/4-paper-blue.png"));
    until(&browser, "document.getElementById('verdict').textContent.startsWith('4')");
    assert_eq!(text(&browser, "hint"), "4-paper-blue.png");
    browser.choose("weights", &format!("{root}/models/mnist.safetensors"));
    until(&browser, "document.getElementById('network').textContent.startsWith('mnist.safetensors: ')");
    browser.choose("weights", &format!("{root}/README.md"));
    until(&browser, "!document.getElementById('error').hidden");
    assert!(text(&browser, "error").starts_with("README.md: "), "{}", text(&browser, "error"));
    assert!(text(&browser, "network").starts_with("mnist.safetensors: "), "what was loaded stays");
    browser.press(&["\u{e00c}"]);
    until(&browser, "document.getElementById('error').hidden");
    // The policy: the page fetches nothing, not even from where it came, no more scripts, and starts no worker that could.
    let body = "
        const refused = [];
        for (const target of args) refused.push(await fetch(target).then(() => 'sent', error => error.name));
        refused.push(await import('/app.js?secret').then(() => 'sent', error => error.name));
        const worker = new Worker(URL.createObjectURL(new Blob(['postMessage(1)'], { type: 'text/javascript' })));
        refused.push(await new Promise(resolve => { worker.onerror = () => resolve('TypeError'); worker.onmessage = () => resolve('started'); }));
        return refused;";
    let refused = browser.run(body, &[json!("http://127.0.0.1:9/"), json!(address())]);
    assert_eq!(refused, json!(["TypeError", "TypeError", "TypeError", "TypeError"]));
    assert!(browser.log().to_string().contains("Content Security Policy"));
}

#[test]
fn a_worker_of_a_page_that_connects_to_nothing_does_not_either() {
    let browser = Browser::start(WebGpu::None);
    let body = "
        const policy = document.createElement('meta');
        policy.httpEquiv = 'Content-Security-Policy';
        policy.content = \"connect-src 'none'\";
        document.head.append(policy);
        const script = `fetch('${location.origin}/').then(() => postMessage('sent'), error => postMessage(error.name))`;
        const worker = new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })), { type: 'module' });
        return new Promise(resolve => worker.onmessage = ({ data }) => resolve(data));";
    assert_eq!(browser.run(body, &[]), "TypeError");
}

#[test]
fn it_works_offline_once_it_was_open() {
    let browser = page(WebGpu::None);
    until(
        &browser,
        "await navigator.serviceWorker.ready.then(() => caches.match('/pkg/densenet_wgpu_bg.wasm')).then(kept => !!kept)",
    );
    browser.offline();
    browser.open(&format!("{}/", address()));
    until(&browser, "document.getElementById('network').textContent.includes('10 classes')");
}
