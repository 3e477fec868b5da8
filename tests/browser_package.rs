//! Ring 7: the web package as a page uses it, on WebGPU and without it, in the page and in a worker.

mod browser;
mod compare;
mod framework_files;
mod golden_files;

use std::sync::LazyLock;

use browser::{Browser, WebGpu, made};
use densenet_wgpu::{Classifier, ClassifierOptions, Precision, Preprocessing, weights};
use framework_files::{Golden, unpacked};
use serde_json::{Value, json};

const DIGITS: [&str; 10] = [
    "0-plain",
    "1-offcentre",
    "2-enlarged",
    "3-inverted",
    "4-paper-blue",
    "5-plain",
    "6-alpha",
    "7-paper",
    "8-inverted-enlarged",
    "9-inverted-offcentre",
];

/// Logits of the digits as the library computes them on this machine.
static EXPECTED: LazyLock<Vec<Vec<f32>>> = LazyLock::new(|| {
    let options = ClassifierOptions::default().engine("cpu");
    let classifier = Classifier::embedded_blocking(options).unwrap();
    let logits = |name: &&str| classifier.classify_blocking(format!("tests/images/digits/{name}.png")).unwrap().logits;
    DIGITS.iter().map(logits).collect()
});

/// Loads the package and has `digit(name)`, a picture.
const BEGIN: &str = "
    const { default: init, Classifier } = await import('/pkg/densenet_wgpu.js');
    await init();
    const digit = async name => (await fetch(`/tests/images/digits/${name}.png`)).blob();";

/// [`BEGIN`] where the package was loaded before.
const BEGIN_OFFLINE: &str = "const { Classifier } = await import('/pkg/densenet_wgpu.js');";

fn run(browser: &Browser, body: &str, arguments: &[Value]) -> Value {
    browser.run(&format!("{BEGIN}\n{body}"), arguments)
}

fn thrown(browser: &Browser, body: &str) -> String {
    browser.attempt(&format!("{BEGIN}\n{body}"), &[]).expect_err("it must fail")
}

/// The logits must be those of the library, within 1e-5 of the largest.
#[track_caller]
fn agree(found: &Value, expected: &[Vec<f32>], what: &str) {
    let found: Vec<Vec<f32>> = serde_json::from_value(found.clone()).unwrap();
    assert_eq!(found.len(), expected.len());
    for (image, (found, expected)) in found.iter().zip(expected).enumerate() {
        let scale = expected.iter().fold(0.0, |most: f32, value| most.max(value.abs()));
        assert_eq!(found.len(), expected.len(), "{what}");
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() <= 1e-5 * scale, "{what}: image {image}: {a} instead of {b}");
        }
    }
}

/// Classifies every digit; returns logits, best labels and the adapter.
const EVERY_DIGIT: &str = "
    const classifier = await Classifier.embedded({ engine: args[1] });
    const results = [];
    for (const name of args[0]) results.push(await classifier.classify(await digit(name), { top: 3 }));
    const { adapter } = classifier, together = await classifier.classify(await Promise.all(args[0].map(digit)));
    if (together.some((result, i) => result.logits.some((value, k) => value !== results[i].logits[k]))) throw new Error('a batch differs');
    classifier.free();
    return { adapter, logits: results.map(r => [...r.logits]), top: results.map(r => r.top), ms: results.map(r => r.ms) };";

#[test]
fn the_digits_are_those_of_the_tool() {
    let browser = Browser::start(WebGpu::SwiftShader);
    for (asked, engine) in [("gpu", "gpu"), ("cpu", "cpu"), ("auto", "cpu")] {
        let answer = run(&browser, EVERY_DIGIT, &[json!(DIGITS), json!(asked)]);
        println!("{asked}: {} {}", answer["adapter"], answer["ms"]);
        agree(&answer["logits"], &EXPECTED, "the digits");
        assert_eq!(answer["adapter"]["engine"], engine, "software is no GPU unless it is asked for");
        for (digit, top) in answer["top"].as_array().unwrap().iter().enumerate() {
            assert_eq!((&top[0]["label"], &top[0]["class"]), (&json!(digit.to_string()), &json!(digit)));
            assert_eq!(top.as_array().unwrap().len(), 3);
        }
    }
    let adapter = run(&browser, "return (await Classifier.embedded({ engine: 'gpu' })).adapter;", &[]);
    assert_eq!((&adapter["vendor"], &adapter["isFallback"]), (&json!("google"), &json!(true)));
}

#[test]
fn kernels_answer_a_self_test_and_the_browser_remembers() {
    let browser = Browser::start(WebGpu::SwiftShader);
    let load = "
        const start = performance.now();
        const classifier = await Classifier.embedded({ engine: 'gpu' });
        const ms = performance.now() - start;
        const keys = await (await caches.open('densenet-wgpu')).keys();
        const kept = keys.map(key => key.url).filter(url => url.includes('/adapter?'));
        const memory = await (await caches.match(kept[0])).json();
        return { ms, kept: kept.length, memory, verdicts: classifier.selfTest };";
    let first = run(&browser, load, &[]);
    let verdicts = first["verdicts"].as_array().unwrap();
    assert!(verdicts.len() >= 5 && verdicts.iter().all(|verdict| verdict["result"] == "ok"), "{first}");
    assert_eq!((&first["kept"], first["memory"]["right"].as_array().unwrap().len()), (&json!(1), verdicts.len()));
    // What was kept says that a kernel is wrong: the next load believes it.
    let accuse = "
        const cache = await caches.open('densenet-wgpu');
        const [key] = (await cache.keys()).filter(key => key.url.includes('/adapter?'));
        const memory = await (await cache.match(key)).json();
        memory.right = memory.right.filter(name => name !== 'buffer/pointwise:8x16/8');
        memory.wrong = { 'buffer/pointwise:8x16/8': 'planted' };
        await cache.put(key, new Response(JSON.stringify(memory)));";
    run(&browser, accuse, &[]);
    let second = run(&browser, load, &[]);
    let wrong: Vec<&Value> =
        second["verdicts"].as_array().unwrap().iter().filter(|verdict| verdict["result"] == "wrong").collect();
    assert_eq!((wrong.len(), &wrong[0]["reason"]), (1, &json!("planted")), "{second}");
    println!("the first load {} ms, the second {} ms", first["ms"], second["ms"]);
    let on_the_cpu = "return (await Classifier.embedded({ engine: 'cpu' })).selfTest;";
    assert_eq!(run(&browser, on_the_cpu, &[]), json!([]));
}

#[test]
fn without_webgpu_the_cpu_engine_answers() {
    let browser = Browser::start(WebGpu::None);
    assert_eq!(
        browser.run("return 'gpu' in navigator && !!(await navigator.gpu.requestAdapter());", &[]),
        json!(false)
    );
    let answer = run(&browser, EVERY_DIGIT, &[json!(DIGITS), json!("auto")]);
    agree(&answer["logits"], &EXPECTED, "the digits");
    let description = answer["adapter"]["description"].as_str().unwrap();
    assert_eq!(description, "CPU engine (1 thread, SIMD128)");
    let reason = thrown(&browser, "await Classifier.embedded({ engine: 'gpu' });");
    assert!(reason.starts_with("DenseNetError: no usable GPU adapter") && reason.contains("CPU engine"), "{reason}");
}

#[test]
fn files_of_every_framework_give_its_logits() {
    let browser = Browser::start(WebGpu::SwiftShader);
    let body = "
        const { name, file, engine, data, shape } = args[0];
        const classifier = await Classifier.load(`/made/${file}`, { engine });
        const results = await classifier.classify({ tensor: new Float32Array(data), shape });
        const logits = [results].flat().map(result => [...result.logits]);
        classifier.free();
        return logits;";
    let mut read = 0;
    for archive in ["torch-files", "torch-heads", "keras-files", "onnx-heads", "ports"] {
        let (folder, cases) = unpacked::<Golden>(archive);
        let mut on_gpu = Vec::new();
        for case in cases {
            // What lies beside a file in its folder is not to be had from a page.
            if case.name == "external.onnx" || case.name.contains('/') {
                continue;
            }
            let path = folder.path().join(&case.name);
            // Some want an option, which the logits were computed with.
            let Ok(weights) = weights::open(&path) else { continue };
            if !weights.origin().warnings.is_empty() || weights.architecture().classes().is_none() {
                continue;
            }
            std::fs::copy(&path, made().join(&case.name)).unwrap();
            let (data, ending) = (case.input(), path.extension().unwrap().to_owned());
            let channels = data.len() / (case.batch * case.height * case.width);
            let expected: Vec<Vec<f32>> =
                case.logits.chunks(case.logits.len() / case.batch).map(<[f32]>::to_vec).collect();
            // One of each kind on the GPU as well: what differs is the file.
            let engines = if on_gpu.contains(&ending) { &["cpu"][..] } else { &["cpu", "gpu"] };
            on_gpu.push(ending);
            for engine in engines {
                let shape = [case.batch, channels, case.height, case.width];
                let what = json!({ "file": case.name, "engine": engine, "data": data, "shape": shape });
                let found = run(&browser, body, &[what]);
                agree(&found, &expected, &format!("{} on {engine}", case.name));
                read += 1;
            }
        }
    }
    // What a file leaves open can be stated.
    let (folder, cases) = unpacked::<Golden>("torch-heads");
    let case = cases.iter().find(|case| case.name == "gelu.pth").unwrap();
    std::fs::copy(folder.path().join(&case.name), made().join(&case.name)).unwrap();
    let body = "
        const classifier = await Classifier.load('/made/gelu.pth', { head: 'relu, avg, linear 6, gelu, linear 3' });
        const results = await classifier.classify({ tensor: new Float32Array(args[0]), shape: args[1] });
        return results.map(result => [...result.logits]);";
    let found = run(&browser, body, &[json!(case.input()), json!([case.batch, 3, case.height, case.width])]);
    let expected: Vec<Vec<f32>> = case.logits.chunks(case.logits.len() / case.batch).map(<[f32]>::to_vec).collect();
    agree(&found, &expected, "a stated head");
    println!("{read} files read");
    assert!(read > 40, "{read}");
}

#[test]
fn densenet_121_gives_pytorchs_logits_and_the_page_stays_awake_meanwhile() {
    let browser = Browser::start(WebGpu::SwiftShader);
    let cases = golden_files::cases();
    let case = cases.iter().find(|case| case.name == "densenet121").unwrap();
    let bytes = weights::to_safetensors(&case.weights(), Precision::F32).unwrap();
    std::fs::write(made().join("densenet121.safetensors"), bytes).unwrap();
    let expected: Vec<Vec<f32>> = case.logits.chunks(case.logits.len() / case.batch).map(<[f32]>::to_vec).collect();
    for engine in ["cpu", "gpu"] {
        let body = "
            let turns = 0, waiting = true;
            const turn = () => { turns++; if (waiting) setTimeout(turn); };
            setTimeout(turn);
            const classifier = await Classifier.load('/made/densenet121.safetensors', { engine: args[0] });
            waiting = false;
            const results = await classifier.classify({ tensor: new Float32Array(args[1]), shape: args[2] });
            classifier.free();
            return { turns, logits: [results].flat().map(result => [...result.logits]) };";
        let shape = [case.batch, 3, case.size.height, case.size.width];
        let answer = run(&browser, body, &[json!(engine), json!(case.input), json!(shape)]);
        agree(&answer["logits"], &expected, engine);
        println!("{engine}: {} turns of the page while it loaded", answer["turns"]);
        assert!(answer["turns"].as_u64().unwrap() > 10, "{engine}: {}", answer["turns"]);
    }
}

#[test]
fn sources_and_pictures_come_in_many_forms() {
    let browser = Browser::start(WebGpu::None);
    let answer = run(
        &browser,
        "
        const url = '/models/mnist.safetensors';
        const response = await fetch(url), bytes = await (await fetch(url)).arrayBuffer();
        const told = [];
        const sources = [url, new URL(url, location.href), response, new File([bytes], 'a.safetensors'), new Blob([bytes]), bytes,
            new Uint8Array(bytes)];
        const blob = await digit('5-plain'), image = new Image();
        image.src = URL.createObjectURL(blob);
        await image.decode();
        const bitmap = await createImageBitmap(blob);
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height), context = canvas.getContext('2d');
        context.drawImage(bitmap, 0, 0);
        const element = document.createElement('canvas');
        element.width = bitmap.width; element.height = bitmap.height;
        element.getContext('2d').drawImage(bitmap, 0, 0);
        const data = context.getImageData(0, 0, canvas.width, canvas.height);
        const pictures = [blob, new File([blob], '5.png'), image, bitmap, canvas, element, data, new VideoFrame(element, { timestamp: 0 })];
        const logits = [];
        for (const source of sources) {
            const classifier = await Classifier.load(source, { onProgress: state => told.push(state) });
            for (const result of await classifier.classify(pictures)) logits.push([...result.logits]);
            classifier.free();
        }
        return { logits, told: told.filter(({ phase }) => phase === 'download'), steps: told.filter(({ phase }) => phase === 'load') };",
        &[],
    );
    agree(&answer["logits"], &vec![EXPECTED[5].clone(); 7 * 8], "every form");
    let last = answer["told"].as_array().unwrap().last().unwrap();
    assert!(last["done"].as_f64().unwrap() > 1e4 && last["done"] == last["total"], "{last}");
    assert!(answer["steps"].as_array().unwrap().len() > 7, "{}", answer["steps"]);
}

/// Ours to decode: PNG and JPEG. The browser's: GIF and WebP, which these files lose nothing by.
const PICTURES: [&str; 8] = [
    "upright.png",
    "grey16.png",
    "orientation-6.png",
    "orientation-6.jpg",
    "progressive.jpg",
    "cmyk.jpg",
    "picture.gif",
    "orientation-6.webp",
];

#[test]
fn picture_files_are_read_as_the_tool_reads_them_turned_as_they_say() {
    let options = ClassifierOptions::default().engine("cpu");
    let classifier = Classifier::embedded_blocking(options).unwrap();
    let logits = |name: &&str| classifier.classify_blocking(format!("tests/pictures/{name}")).unwrap().logits;
    let expected: Vec<Vec<f32>> = PICTURES.iter().map(logits).collect();
    let browser = Browser::start(WebGpu::None);
    let body = "
        const classifier = await Classifier.embedded(), logits = [];
        for (const name of args[0]) {
            const file = await (await fetch(`/tests/pictures/${name}`)).blob();
            logits.push([...(await classifier.classify(file)).logits]);
        }
        return logits;";
    agree(&run(&browser, body, &[json!(PICTURES)]), &expected, "pictures");
    let body = "await (await Classifier.embedded()).classify(await (await fetch('/tests/pictures/rgb8.tiff')).blob());";
    let thrown = thrown(&browser, body);
    let sentence = "DenseNetError: picture in memory: not a picture that can be read: convert it to PNG or JPEG";
    assert_eq!(thrown, sentence);
}

#[test]
fn a_result_has_what_was_asked_for() {
    let browser = Browser::start(WebGpu::None);
    let answer = run(
        &browser,
        "
        const classifier = await Classifier.embedded({ labels: [...'abcdefghij'] });
        const picture = await digit('3-inverted');
        const { width, height } = await createImageBitmap(picture);
        const [plain, mapped, other] = [await classifier.classify(picture), await classifier.classify(picture, { cam: true }),
            await classifier.classify(picture, { top: 1, cam: 8 })];
        const features = await classifier.features(picture);
        const before = [...mapped.cam.data];
        for (let i = 0; i < 5; i++) await classifier.classify(picture, { cam: true });
        const keeps = before.every((value, i) => value === mapped.cam.data[i]);
        const heat = cam => Math.max(...cam.data.filter((_, i) => i % 4 === 3));
        return { keeps, width, height, has: 'cam' in plain, cam: [mapped.cam.width, mapped.cam.height], is: mapped.cam instanceof ImageData,
            heat: heat(mapped.cam), differs: heat(other.cam) !== heat(mapped.cam) || other.cam.data.some((v, i) => v !== mapped.cam.data[i]),
            top: [plain.top.length, other.top.length], label: plain.top[0].label, features: features.length,
            finite: features.every(Number.isFinite), ms: plain.ms, scores: plain.scores.reduce((a, b) => a + b),
            labels: classifier.labels.length, architecture: classifier.architecture, bytes: classifier.bytes };",
        &[],
    );
    println!("{answer}");
    let number = |name: &str| answer[name].as_f64().unwrap();
    assert_eq!((&answer["has"], &answer["keeps"]), (&json!(false), &json!(true)));
    assert_eq!((&answer["is"], &answer["differs"], &answer["finite"]), (&json!(true), &json!(true), &json!(true)));
    let [width, height] = [number("width"), number("height")];
    let map = [answer["cam"][0].as_f64().unwrap(), answer["cam"][1].as_f64().unwrap()];
    assert!((map[0] / map[1] - width / height).abs() < 0.01, "{answer}");
    assert!(
        number("heat") > 200.0 && number("ms") > 0.0 && number("features") > 8.0 && number("bytes") > 1e4,
        "{answer}"
    );
    assert!((number("scores") - 1.0).abs() < 1e-4);
    assert_eq!((&answer["top"], &answer["label"]), (&json!([5, 1]), &json!("d")));
}

#[test]
fn mistakes_are_errors_with_the_librarys_sentence() {
    let browser = Browser::start(WebGpu::None);
    for (body, sentence) in [
        ("await Classifier.load(new File(['nonsense'], 'cat.pth'));", "DenseNetError: cat.pth: "),
        ("await Classifier.load(new Blob([]));", "DenseNetError: weights in memory: "),
        ("await Classifier.load('/no/such.pth');", "DenseNetError: such.pth: fetching '"),
        (
            "await Classifier.load('http://127.0.0.1:1/x.pth');",
            "DenseNetError: x.pth: fetching 'http://127.0.0.1:1/x.pth' failed",
        ),
        (
            "const bytes = new ArrayBuffer(8); structuredClone(bytes, { transfer: [bytes] }); await Classifier.load(bytes);",
            "DenseNetError: input: the buffer cannot be read: ",
        ),
        (
            "const used = await fetch('/made/gelu.pth'); await used.text(); await Classifier.load(used);",
            "DenseNetError: ",
        ),
        (
            "await Classifier.load(new Response(new ReadableStream({ pull() { throw new Error('broken'); } })));",
            "DenseNetError: weights: reading it failed (broken)",
        ),
        ("await Classifier.load(7);", "DenseNetError: input: weights are expected as a URL"),
        ("await Classifier.embedded({ engine: 'quantum' });", "DenseNetError: input: `engine` is"),
        (
            "await Classifier.load(new Blob(['x']), { preprocessing: 'nonsense' });",
            "DenseNetError: input: preprocessing 'nonsense'",
        ),
        ("await Classifier.embedded({ part: 'nonsense' });", "DenseNetError: models/mnist.safetensors (embedded): "),
        ("await Classifier.embedded({ onprogress() {} });", "DenseNetError: input: load() has no option `onprogress`"),
        (
            "await Classifier.embedded({ labels: ['a'] });",
            "DenseNetError: input: 1 class names, but the network has 10",
        ),
        ("await (await Classifier.embedded()).classify(new Blob(['text']));", "DenseNetError: picture in memory: "),
        ("await (await Classifier.embedded()).classify({});", "DenseNetError: input: a picture is expected"),
        (
            "await (await Classifier.embedded()).classify({ tensor: new Float32Array(3), shape: [1, 1, 1, 1] });",
            "DenseNetError: input: a tensor of 3 values",
        ),
        (
            "const data = new ImageData(28, 28); structuredClone(data.data.buffer, { transfer: [data.data.buffer] });
             await (await Classifier.embedded()).classify(data);",
            "DenseNetError: input: ImageData is expected with 8 bits a colour",
        ),
        (
            "await (await Classifier.embedded()).classify(document.createElement('video'));",
            "DenseNetError: input: a picture without pixels",
        ),
        (
            "await (await Classifier.embedded()).classify(await digit('5-plain'), { cam: 10 });",
            "DenseNetError: input: there is no class 10",
        ),
    ] {
        let thrown = thrown(&browser, body);
        assert!(thrown.starts_with(sentence), "{body}\n{thrown}");
        assert!(!thrown.contains('\n') && !thrown.contains("unreachable"), "{thrown}");
    }
    let code = run(&browser, "return Classifier.load(new Blob(['x'])).then(() => '', error => error.code);", &[]);
    assert_eq!(code, "file");
    // A damaged picture is not guessed at, and the classifier goes on.
    let label = run(
        &browser,
        "
        const classifier = await Classifier.embedded(), whole = await digit('5-plain');
        const failed = await classifier.classify(whole.slice(0, whole.size / 2)).then(() => false, () => true);
        return failed && (await classifier.classify(whole)).top[0].label;",
        &[],
    );
    assert_eq!(label, "5");
}

#[test]
fn an_abort_ends_loading_with_its_reason() {
    let browser = Browser::start(WebGpu::None);
    for body in [
        // Before, while the file arrives, and while it is loaded.
        "await Classifier.load('/models/mnist.safetensors', { signal: AbortSignal.abort() });",
        "const abort = new AbortController();
         const endless = new ReadableStream({ pull(queue) { queue.enqueue(new Uint8Array(1000)); return new Promise(go => setTimeout(go, 20)); } });
         setTimeout(() => abort.abort(), 100);
         await Classifier.load(new Response(endless), { signal: abort.signal });",
        "const abort = new AbortController(), stalled = new ReadableStream({ pull() { return new Promise(() => {}); } });
         setTimeout(() => abort.abort(), 100);
         await Classifier.load(new Response(stalled), { signal: abort.signal });",
        "const abort = new AbortController();
         await Classifier.load('/models/mnist.safetensors', { signal: abort.signal, onProgress: state => state.phase === 'load' && abort.abort() });",
        "const classifier = await Classifier.embedded();
         await classifier.classify(await digit('5-plain'), { signal: AbortSignal.abort() });",
    ] {
        let thrown = thrown(&browser, body);
        assert!(thrown.starts_with("AbortError: "), "{body}\n{thrown}");
    }
    let thrown =
        thrown(&browser, "await Classifier.embedded({ signal: AbortSignal.abort(new RangeError('enough')) });");
    assert_eq!(thrown, "RangeError: enough");
}

#[test]
fn preprocessing_and_activation_can_be_stated() {
    let browser = Browser::start(WebGpu::None);
    let body = "
        const load = options => Classifier.load('/models/mnist.safetensors', options), picture = await digit('7-paper');
        const [usual, other] = [await load(), await load({ preprocessing: args[0], activation: 'none' })];
        const [a, b] = [await usual.classify(picture), await other.classify(picture)];
        return [[...a.logits], [...b.logits], [...b.scores]];";
    let own = "resize=28x28,scale=1/510,mean=0.1,std=0.3";
    let answer = run(&browser, body, &[json!(own)]);
    assert_ne!(answer[0], answer[1]);
    assert_eq!(answer[1], answer[2], "without an activation scores are logits");
    let options = ClassifierOptions::default().engine("cpu").preprocessing(Preprocessing::parse(own).unwrap());
    let classifier = Classifier::embedded_blocking(options).unwrap();
    let expected = classifier.classify_blocking("tests/images/digits/7-paper.png").unwrap().logits;
    agree(&json!([answer[1]]), &[expected], "stated");
}

#[test]
fn a_classifier_may_be_freed_while_it_works() {
    for (webgpu, engine) in [(WebGpu::SwiftShader, "gpu"), (WebGpu::None, "cpu")] {
        let browser = Browser::start(webgpu);
        let body = "
            const classifier = await Classifier.embedded({ engine: args[0] }), picture = await digit('5-plain');
            const answer = classifier.classify(picture);
            classifier.free();
            const other = await Classifier.embedded({ engine: args[0] });
            return [(await answer).top[0].label, (await other.classify(picture)).top[0].label];";
        assert_eq!(run(&browser, body, &[json!(engine)]), json!(["5", "5"]));
    }
}

#[test]
fn it_works_in_a_worker() {
    for webgpu in [WebGpu::SwiftShader, WebGpu::None] {
        let browser = Browser::start(webgpu);
        let engine = if webgpu == WebGpu::None { "auto" } else { "gpu" };
        let answer = browser.run(
            "
            const worker = new Worker('/tests/browser/worker.mjs', { type: 'module' });
            const answer = new Promise((resolve, reject) => {
                worker.onmessage = ({ data }) => data.error ? reject(new Error(data.error)) : resolve(data);
                worker.onerror = event => reject(new Error(event.message));
            });
            worker.postMessage({ names: args[0], engine: args[1] });
            return await answer;",
            &[json!(DIGITS), json!(engine)],
        );
        agree(&answer["logits"], &EXPECTED, "in a worker");
        assert_eq!(answer["engine"], if engine == "gpu" { "gpu" } else { "cpu" });
    }
}

#[test]
fn downloads_are_kept_if_asked_and_fetched_again_when_they_change() {
    let browser = Browser::start(WebGpu::None);
    let body = "
        let bytes = 0;
        const classifier = await Classifier.load('/made/kept.safetensors', { cache: true, onProgress: state => bytes = Math.max(bytes, state.done) });
        const entry = await (await caches.open('densenet-wgpu')).match('/made/kept.safetensors');
        return { labels: classifier.labels, kept: !!entry, gets: performance.getEntriesByName(location.origin + '/made/kept.safetensors')
            .filter(entry => entry.encodedBodySize > 0).length };";
    let path = made().join("kept.safetensors");
    std::fs::copy("models/mnist.safetensors", &path).unwrap();
    let first = run(&browser, body, &[]);
    // The copy is written while the first one is read.
    run(
        &browser,
        "while (!await (await caches.open('densenet-wgpu')).match('/made/kept.safetensors')) await new Promise(go => setTimeout(go, 20));",
        &[],
    );
    let second = run(&browser, body, &[]);
    assert_eq!(
        (&first["gets"], &second["gets"], &second["kept"]),
        (&json!(1), &json!(1), &json!(true)),
        "{first} {second}"
    );
    std::fs::write(&path, std::fs::read("models/mnist.safetensors").unwrap()).unwrap();
    let changed = run(&browser, body, &[]);
    assert_eq!(changed["gets"], 2, "{changed}");
    browser.offline();
    let offline = browser.attempt(&format!("{BEGIN_OFFLINE}\n{body}"), &[]).unwrap();
    assert_eq!(offline["labels"], first["labels"]);
}
